"""What the pages behind the links of messages say, in four languages; nothing of who they are for."""

from typing import NamedTuple

from push.consent import ConsentChannel
from push.links import Stopping
from push.notice import Purpose


class LinkWords(NamedTuple):
    language: str
    open_title: str
    open_text: str
    stop_title: str
    stop_text: str
    stop_button: str
    stopped_title: str
    stopped_text: str
    gone_title: str
    gone_text: str
    purposes: dict[Purpose, str]
    channels: dict[ConsentChannel, str]

    def what(self, stopping: Stopping) -> str:
        """Which messages end, and which do not."""
        purpose, channel = self.purposes.get(stopping.purpose, ""), self.channels.get(stopping.channel, "")
        return self.stop_text.format(purpose=purpose, channel=channel)


_P, _C = Purpose, ConsentChannel
_WORDS = {
    "en": LinkWords(
        "en", "Open the app", "Your clinic has news for you. You find it in the clinic's app.",
        "No more of these?", "Your clinic will no longer send {purpose} {channel}. Messages about your visits go on.",
        "Unsubscribe", "Done", "You will receive no more of these. You can change that in the app at any time.",
        "This link leads nowhere", "It is too old, or a part of it is missing. All your messages are in the app.",
        {_P.MARKETING: "offers and news", _P.RECALL: "check-up reminders", _P.SURVEY: "questions about your visits"},
        {_C.SMS: "by text message", _C.EMAIL: "by e-mail", _C.MESSENGER: "by messenger", _C.PUSH: "to your phone"},
    ),
    "ru": LinkWords(
        "ru", "Откройте приложение", "У клиники есть для вас новости. Они в приложении клиники.",
        "Больше не присылать?", "Клиника больше не будет присылать {purpose} {channel}. Сообщения о визитах останутся.",
        "Отписаться", "Готово", "Таких сообщений больше не будет. Изменить это можно в приложении в любое время.",
        "Ссылка больше не действует", "Она устарела или скопирована не полностью. Все сообщения есть в приложении.",
        {_P.MARKETING: "предложения и новости", _P.RECALL: "напоминания об осмотрах", _P.SURVEY: "вопросы о визитах"},
        {_C.SMS: "по СМС", _C.EMAIL: "по электронной почте", _C.MESSENGER: "в мессенджере", _C.PUSH: "на телефон"},
    ),
    "it": LinkWords(
        "it", "Apri l'app", "Il tuo studio ha novità per te. Le trovi nell'app dello studio.",
        "Non vuoi più riceverli?", "Lo studio non invierà più {purpose} {channel}. I messaggi sulle visite restano.",
        "Annulla l'iscrizione", "Fatto", "Non li riceverai più. Puoi cambiare idea nell'app in ogni momento.",
        "Questo link non è più valido", "È scaduto o incompleto. Tutti i tuoi messaggi sono nell'app.",
        {_P.MARKETING: "offerte e novità", _P.RECALL: "promemoria dei controlli", _P.SURVEY: "domande sulle visite"},
        {_C.SMS: "via SMS", _C.EMAIL: "via e-mail", _C.MESSENGER: "via messaggistica", _C.PUSH: "sul telefono"},
    ),
    "zh": LinkWords(
        "zh", "请打开应用", "您的诊所有新消息给您，请在诊所的应用中查看。",
        "不再接收？", "诊所将不再{channel}发送{purpose}。关于就诊的消息仍会发送。",
        "退订", "已完成", "您将不再收到此类消息。您可以随时在应用中更改。",
        "此链接已失效", "链接已过期或不完整。您的所有消息都在应用中。",
        {_P.MARKETING: "优惠和资讯", _P.RECALL: "复查提醒", _P.SURVEY: "满意度询问"},
        {_C.SMS: "通过短信", _C.EMAIL: "通过电子邮件", _C.MESSENGER: "通过即时通讯", _C.PUSH: "向您的手机"},
    ),
}  # fmt: skip


def link_words(language: str) -> LinkWords:
    """English for a language that is none of ours."""
    return _WORDS.get(language, _WORDS["en"])
