"""The files: x-rays and photos, stored, checked, previewed."""
