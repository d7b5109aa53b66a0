"""What a patient may ask."""
