"""The words of texts that identity sends, in the four languages. Never a clinical word."""

_CODE = {
    "en": "{code} is your sign-in code. It is good for 5 minutes. Tell it to nobody.",
    "ru": "{code} — ваш код для входа. Действует 5 минут. Никому его не сообщайте.",
    "it": "{code} è il tuo codice di accesso. Vale 5 minuti. Non comunicarlo a nessuno.",
    "zh": "您的登录验证码是 {code}，5 分钟内有效。请勿告诉任何人。",
}


_SIGNING = {
    "en": "{code} is your code to sign a document of your clinic. It is good for 5 minutes. Tell it to nobody.",
    "ru": "{code} — код для подписания документа клиники. Действует 5 минут. Никому его не сообщайте.",
    "it": "{code} è il tuo codice per firmare un documento della clinica. Vale 5 minuti. Non comunicarlo a nessuno.",
    "zh": "您签署诊所文件的验证码是 {code}，5 分钟内有效。请勿告诉任何人。",
}


def code_text(code: str, language: str) -> str:
    return _CODE[language].format(code=code)


def signing_code_text(code: str, language: str) -> str:
    return _SIGNING[language].format(code=code)
