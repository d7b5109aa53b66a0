"""The few pages that people see in a browser, without signing in: words of ours and one button, in four languages."""

from html import escape

from starlette.responses import HTMLResponse

# Nothing is loaded and nothing runs; the one form may lead back to us alone.
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "x-robots-tag": "noindex",
}
_STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem;background:#f2f4f5;color:#1b1f23}"
    "main{max-width:32rem;margin:0 auto}button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:0;"
    "border-radius:.5rem;background:#0b4f6c;color:#fff;min-height:44px}"
    "@media(prefers-color-scheme:dark){body{background:#14181b;color:#eceff1}}"
)


def form_page(language: str, title: str, lead: str, fields: str, button: str, foot: str) -> HTMLResponse:
    """A form that posts to the page's own address. `fields` and `foot` are HTML, escaped by whoever made them."""
    form = f'<form method="post">{fields}<p><button>{escape(button)}</button></p></form>'
    return _whole(language, title, f"<p>{escape(lead)}</p>{form}{foot}")


def plain_page(language: str, title: str, text: str, foot: str) -> HTMLResponse:
    """`foot` is HTML, escaped by whoever made it."""
    return _whole(language, title, f"<p>{escape(text)}</p>{foot}")


def page(language: str, title: str, text: str, button: str = "", *, status: int = 200) -> HTMLResponse:
    """`button` posts to the page's own address what RFC 8058 has mail programs post."""
    form = (
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        f"<button>{escape(button)}</button></form>"
        if button
        else ""
    )
    return _whole(language, title, f"<p>{escape(text)}</p>{form}", status)


def _whole(language: str, title: str, inner: str, status: int = 200) -> HTMLResponse:
    body = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{inner}</main></body></html>"
    )
    return HTMLResponse(body, status, headers={**_HEADERS, "content-language": language})
