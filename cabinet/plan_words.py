"""The words that Enamel itself prints on a treatment plan, in four languages."""

from collections.abc import Mapping

_Words = Mapping[str, str]
_WORDS: Mapping[str, _Words] = {
    "en": {
        "patient": "Patient", "status": "Status", "offer": "Offer", "offered": "No. {number}, made on {day}",
        "valid_until": "Holds until", "visits": "Visits expected", "days": "Days expected",
        "stage_visits": "visits: {count}", "stage_days": "days: {count}", "after": "after stage {places}",
        "service": "Service", "tooth": "Tooth", "quantity": "Qty", "price": "Price", "off": "Taken off",
        "to_pay": "You pay", "sum": "Sum", "whole": "In all", "discount": "Discount", "promotion": "Promotion",
        "points": "Points", "insurance": "Borne by the insurer (expected)", "paid": "Paid so far",
        "owed": "Charged so far, not yet paid", "from": "from {amount}", "range": "{low} to {high}",
        "estimate": "Amounts marked “from” are the least it can be: the price depends on what is found in treatment.",
        "sealed": "Fingerprint of this offer (SHA-256): {sha256}",
        "proposed": "waits for your answer", "accepted": "accepted", "declined": "declined",
        "not_chosen": "another plan was chosen", "expired": "expired", "in_progress": "under way",
        "completed": "completed", "stopped": "stopped", "draft": "draft", "superseded": "withdrawn",
    },
    "ru": {
        "patient": "Пациент", "status": "Состояние", "offer": "Предложение", "offered": "№ {number} от {day}",
        "valid_until": "Действует по", "visits": "Ожидается визитов",
        "days": "Ожидается дней", "stage_visits": "визитов: {count}",
        "stage_days": "дней: {count}", "after": "после этапа {places}", "service": "Услуга", "tooth": "Зуб",
        "quantity": "Кол.", "price": "Цена", "off": "Вычтено", "to_pay": "К оплате", "sum": "Сумма",
        "whole": "Всего", "discount": "Скидка", "promotion": "Акция", "points": "Баллы",
        "insurance": "Оплатит страховая (ожидается)", "paid": "Уже оплачено",
        "owed": "Начислено, ещё не оплачено", "from": "от {amount}", "range": "{low} – {high}",
        "estimate": "Суммы с пометкой «от» — наименьшие: цена зависит от того, что обнаружится при лечении.",
        "sealed": "Отпечаток этого предложения (SHA-256): {sha256}",
        "proposed": "ждёт вашего ответа", "accepted": "принят", "declined": "отклонён",
        "not_chosen": "выбран другой план", "expired": "срок истёк", "in_progress": "выполняется",
        "completed": "завершён", "stopped": "остановлен", "draft": "черновик", "superseded": "отозван",
    },
    "it": {
        "patient": "Paziente", "status": "Stato", "offer": "Offerta", "offered": "n. {number} del {day}",
        "valid_until": "Valida fino al", "visits": "Visite previste",
        "days": "Giorni previsti", "stage_visits": "visite: {count}",
        "stage_days": "giorni: {count}", "after": "dopo la fase {places}", "service": "Prestazione",
        "tooth": "Dente", "quantity": "Q.tà", "price": "Prezzo", "off": "Detratto", "to_pay": "A suo carico",
        "sum": "Somma", "whole": "Totale", "discount": "Sconto", "promotion": "Promozione", "points": "Punti",
        "insurance": "A carico dell'assicurazione (previsto)", "paid": "Già pagato",
        "owed": "Addebitato finora, non ancora pagato", "from": "da {amount}", "range": "da {low} a {high}",
        "estimate": "Gli importi con “da” sono i minimi: il prezzo dipende da ciò che si trova durante la cura.",
        "sealed": "Impronta di questa offerta (SHA-256): {sha256}",
        "proposed": "in attesa della sua risposta", "accepted": "accettato", "declined": "rifiutato",
        "not_chosen": "scelto un altro piano", "expired": "scaduto", "in_progress": "in corso",
        "completed": "completato", "stopped": "interrotto", "draft": "bozza", "superseded": "ritirato",
    },
    "zh": {
        "patient": "患者", "status": "状态", "offer": "报价", "offered": "第 {number} 份，{day}",
        "valid_until": "有效期至", "visits": "预计就诊次数", "days": "预计天数",
        "stage_visits": "就诊 {count} 次", "stage_days": "{count} 天", "after": "在第 {places} 阶段之后",
        "service": "项目", "tooth": "牙位", "quantity": "数量", "price": "价格", "off": "减免", "to_pay": "您支付",
        "sum": "小计", "whole": "合计", "discount": "折扣", "promotion": "优惠活动", "points": "积分抵扣",
        "insurance": "保险承担（预计）", "paid": "已付", "owed": "已计费未付", "from": "{amount} 起",
        "range": "{low} 至 {high}", "estimate": "标有“起”的金额为最低金额：实际价格取决于治疗中的情况。",
        "sealed": "此报价的指纹（SHA-256）：{sha256}",
        "proposed": "等待您的答复", "accepted": "已接受", "declined": "已拒绝", "not_chosen": "已选择其他方案",
        "expired": "已过期", "in_progress": "进行中", "completed": "已完成", "stopped": "已停止", "draft": "草稿",
        "superseded": "已撤回",
    },
}  # fmt: skip


def words(language: str) -> _Words:
    return _WORDS.get(language, _WORDS["en"])
