"""What a visit's state is called: the clinic's own word where it has one, ours in four languages otherwise."""

from collections.abc import Mapping

from clinic.appointment import AppointmentStatus

_S = AppointmentStatus

LABELS: Mapping[AppointmentStatus, Mapping[str, str]] = {
    _S.REQUESTED: {"en": "Requested", "ru": "Запрошен", "it": "Richiesto", "zh": "待诊所确认"},
    _S.BOOKED: {"en": "Booked", "ru": "Записан", "it": "Prenotato", "zh": "已预约"},
    _S.CONFIRMED: {"en": "Confirmed", "ru": "Подтверждён", "it": "Confermato", "zh": "已确认"},
    _S.ARRIVED: {"en": "Arrived", "ru": "Пациент пришёл", "it": "Arrivato", "zh": "已到诊"},
    _S.IN_CHAIR: {"en": "In treatment", "ru": "На приёме", "it": "In cura", "zh": "就诊中"},
    _S.COMPLETED: {"en": "Completed", "ru": "Завершён", "it": "Concluso", "zh": "已完成"},
    _S.DECLINED: {"en": "Declined", "ru": "Отклонён", "it": "Rifiutato", "zh": "已拒绝"},
    _S.CANCELLED: {"en": "Cancelled", "ru": "Отменён", "it": "Annullato", "zh": "已取消"},
    _S.NO_SHOW: {"en": "Missed", "ru": "Пропущен", "it": "Mancato", "zh": "未到诊"},
}


def label(status: AppointmentStatus, language: str, own: str | None) -> str:
    """`own` is the clinic's word in this language, None where it has none."""
    return own or LABELS[status].get(language, LABELS[status]["en"])
