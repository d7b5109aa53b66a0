"""The tour's talk: the patient writes over one socket, the desk answers over another."""

import uuid

import aiohttp

from enamel.tour.caller import Caller, Socket
from enamel.tour.narrator import Narrator


async def talk(
    session: aiohttp.ClientSession, narrator: Narrator, patient: Caller, staff: Caller, clinic_id: str
) -> None:
    narrator.step("The patient writes to the clinic, the desk answers over a socket")
    async with Socket(session, narrator, "the patient") as phone, Socket(session, narrator, "the desk") as desk:
        await phone.send({"t": "hello", "tok": patient.token, "dev": "tour-phone"})
        await phone.until("welcome")
        await desk.send({"t": "hello", "tok": staff.token, "dev": "tour-desk"})
        await desk.until("welcome")
        question = str(uuid.uuid4())
        await phone.send({"t": "send", "id": question, "op": "msg", "to": {"clinic": clinic_id}, "body": "May I come?"})
        ack = await phone.until("ack")
        narrator.say("The same message once more, as a phone does that lost the answer: one message, one number.")
        await phone.send({"t": "send", "id": question, "op": "msg", "to": {"clinic": clinic_id}, "body": "May I come?"})
        await phone.until("ack", lambda frame: frame["seq"] == ack["seq"] and frame["dup"] is True)
        narrator.say("The desk sees the line of its inbox move, opens the conversation and answers.")
        await desk.until("inbox", lambda frame: frame["c"] == ack["c"])
        await desk.send({"t": "watch", "c": ack["c"], "on": True})
        body = "Gladly. Monday at ten?"
        await desk.send({"t": "send", "id": str(uuid.uuid4()), "op": "msg", "c": ack["c"], "body": body})
        for socket in (desk, phone):
            await socket.until("ev", lambda frame: frame["k"] == "msg" and frame["d"]["body"] == body)
