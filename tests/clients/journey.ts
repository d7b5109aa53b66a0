/* A patient's whole journey with the generated TypeScript client, as an app developer would write it. */

import {
    AccountApi, AppointmentsApi, Asks, CabinetApi, ChartApi, ChatApi, Configuration, DevicesApi, DocumentsApi,
    FamilyApi, PartOfDay, PaymentsApi, PlansApi, RequestsApi, ResponseError, SignInApi, SlotsApi, WaitingListApi,
} from "./client/index";
import type { Offer } from "./client/index";

declare const process: { env: Record<string, string | undefined>; stdout: { write(text: string): void } };
declare function require(name: string): {
    existsSync(path: string): boolean;
    readFileSync(path: string, encoding: string): string;
};

function given(name: string): string {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
}

function only<T>(items: T[]): T {
    const [item] = items;
    if (item === undefined || items.length !== 1) throw new Error(`there are ${items.length} and not one`);
    return item;
}

function check(holds: boolean, what: string): void {
    if (!holds) throw new Error(what);
}

/** The text message, from the file that stands for the phone. It comes after the answer, as on a phone. */
async function codeSentTo(phone: string): Promise<string> {
    const files = require("node:fs");
    for (let tries = 0; tries < 100; tries++) {
        const lines = files.existsSync(given("TEXTS")) ? files.readFileSync(given("TEXTS"), "utf8").trim().split("\n") : [];
        const texts: { to: string; text: string }[] = lines.map((line) => JSON.parse(line));
        const code = texts.reverse().find((each) => each.to === phone)?.text.match(/\d{6}/)?.[0];
        if (code !== undefined) return code;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("no code was sent");
}

async function signedIn(basePath: string): Promise<Configuration> {
    const door = new SignInApi(new Configuration({ basePath }));
    const asked = await door.requestCode({ codeRequest: { phone: given("PHONE") } });
    const opened = await door.openSession({
        codeProof: {
            challengeId: asked.challengeId, code: await codeSentTo(given("PHONE")), clinicId: given("CLINIC"),
            deviceKey: "a-device-key-of-the-browser",
        },
    });
    return new Configuration({ basePath, accessToken: opened.accessToken });
}

async function acceptedPlan(here: Configuration): Promise<[string, string | undefined]> {
    const plans = new PlansApi(here);
    const [plan] = (await plans.listMyTreatmentPlans()).items;
    if (!plan?.offer) throw new Error("no plan is offered");
    const acceptance = { offerSha256: plan.offer.sha256, language: "it" as const };
    const after = await plans.acceptMyPlan({ planId: plan.planId, acceptance });
    return [plan.title, after.offer?.answered ?? undefined];
}

/** What is owed is paid on the provider's page, which the app opens. */
async function paidAccount(here: Configuration): Promise<{ payment: string[]; payable: number[] }> {
    const [account, payments] = [new AccountApi(here), new PaymentsApi(here)];
    const before = only((await account.getMyAccount()).balances);
    const started = await payments.startMyPayment({ paymentRequest: {} });
    if (!started.page) throw new Error("there is no page to pay on");
    await fetch(here.basePath + new URL(started.page).pathname, { method: "POST" });
    const listed = only((await payments.listMyPayments()).items);
    check(listed.paymentId === started.paymentId, "another payment is listed");
    const after = only((await account.getMyAccount()).balances);
    const { status } = await payments.getMyPayment({ paymentId: started.paymentId });
    return { payment: [started.status, status], payable: [before.payable.amountMinor, after.payable.amountMinor] };
}

/** A free time is booked as it was shown, and is free no more. */
async function bookedSlot(here: Configuration): Promise<unknown[]> {
    const slots = new SlotsApi(here);
    const free = only((await slots.listMySlots({ service: "Hygiene" })).items);
    const visit = await slots.bookMySlot({ slotId: free.slotId, slotBooking: { startsAt: free.startsAt } });
    check(visit.startsAt.getTime() === free.startsAt.getTime() && visit.bookedHere, "another time is booked");
    return [visit.status, visit.service, visit.practitioner, (await slots.listMySlots()).items.length];
}

/** A visit that the clinic's own system keeps stays where it is until the clinic answers. */
async function askedToMove(here: Configuration): Promise<unknown[]> {
    const appointments = new AppointmentsApi(here);
    const visit = only((await appointments.listMyAppointments()).items.filter((each) => !each.bookedHere));
    const moveWish = { weekdays: [0, 2], parts: [PartOfDay.Morning], words: "Dopo la scuola" };
    const change = await appointments.moveMyAppointment({ appointmentId: visit.appointmentId, moveWish });
    const asked = only((await new RequestsApi(here).listMyRequests()).items);
    check(asked.requestId === change.request?.requestId, "another request is listed");
    check(asked.subjectId === visit.appointmentId, "the request is about something else");
    check(change.visit.startsAt.getTime() === visit.startsAt.getTime(), "the visit moved by itself");
    return [asked.kind, asked.status, asked.details["words"]];
}

/** A time is freed for who waits, and is theirs. */
async function waited(here: Configuration): Promise<unknown[]> {
    const waiting = new WaitingListApi(here);
    const until = new Date(`${given("UNTIL")}T00:00:00`); // a day is midnight on this machine's clock
    const entry = await waiting.joinMyWaitingList({ newEntry: { service: "Hygiene", until } });
    const offer = await offered(waiting);
    const visit = await waiting.acceptMySlotOffer({ offerId: offer.offerId });
    check(offer.entryId === entry.entryId, "the offer is for another wish");
    check(visit.startsAt.getTime() === offer.slot.startsAt.getTime(), "another time is booked");
    const after = only((await waiting.listMyWaitingEntries()).items);
    check(after.until.getTime() === until.getTime(), "a day became another on its way");
    return [entry.status, offer.status, visit.status, after.status];
}

async function offered(waiting: WaitingListApi): Promise<Offer> {
    for (let tries = 0; tries < 100; tries++) {
        const [offer] = (await waiting.listMySlotOffers()).items;
        if (offer !== undefined) return offer;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("no time was offered");
}

/** A form that is not complete names what is missing; complete it is handed in. */
async function filledForm(here: Configuration): Promise<unknown[]> {
    const documents = new DocumentsApi(here);
    const documentId = await documentThat(here, Asks.Fill);
    const form = await documents.openMyDocument({ documentId });
    const smokes = { question: "smokes", yes: true };
    const name = only(form.answers.filter((each) => each.question === "name"));
    const missing = await refused(() =>
        documents.submitMyAnswers({ documentId, submission: { answers: [smokes, name] } }),
    );
    const answers = [smokes, name, { question: "how_many", number: 7 }];
    const after = await documents.submitMyAnswers({ documentId, submission: { answers } });
    check(after.contentSha256 !== form.contentSha256, "the fingerprint leaves the answers out");
    const kept = new Map(after.answers.map((each) => [each.question, each]));
    return [missing, form.state, after.state, kept.get("how_many")?.number, kept.get("name")?.text];
}

/** With the code from the desk a record is opened, as far as the desk said. */
async function family(here: Configuration): Promise<unknown[]> {
    const linked = await new SignInApi(here).linkRecord({ linkRequest: { code: given("LINK_CODE") } });
    const ward = only((await new FamilyApi(here).listMyWards()).items);
    const { patientId } = ward;
    const cabinet = await new CabinetApi(here).getCabinet({ patientId });
    check(linked.patientId === patientId && cabinet.patient.patientId === patientId, "another record is open");
    const shut = await refused(() => new PlansApi(here).listPatientTreatmentPlans({ patientId }));
    return [cabinet.patient.givenName, ward.relation, ward.scopes, shut];
}

async function documentThat(here: Configuration, asks: Asks): Promise<string> {
    const listed = (await new DocumentsApi(here).listMyDocuments()).items;
    return only(listed.filter((each) => each.asks === asks)).documentId;
}

async function readPaper(here: Configuration): Promise<string> {
    const documents = new DocumentsApi(here);
    const documentId = await documentThat(here, Asks.Acknowledge);
    const opened = await documents.openMyDocument({ documentId });
    const acknowledgement = { contentSha256: opened.contentSha256 };
    return (await documents.acknowledgeMyDocument({ documentId, acknowledgement })).state;
}

async function said(here: Configuration): Promise<string | undefined> {
    const chat = new ChatApi(here);
    const messageToSend = { clientId: given("MESSAGE_ID"), body: "Buongiorno, 你好" };
    const kept = await chat.sendMyMessage({ messageToSend });
    const again = await chat.sendMyMessage({ messageToSend });
    if (kept.seq !== again.seq || !again.duplicate) throw new Error("a message was kept twice");
    const log = await chat.listMyConversationEvents();
    return log.events.map((each) => each.message?.body).find((body) => body) ?? undefined;
}

async function refused(call: () => Promise<unknown>): Promise<string> {
    try {
        await call();
    } catch (error) {
        if (error instanceof ResponseError) return (await error.response.json()).code;
        throw error;
    }
    throw new Error("it was not refused");
}

async function main(): Promise<void> {
    const here = await signedIn(given("ADDRESS"));
    const cabinet = await new CabinetApi(here).getMyCabinet();
    const [plan, answered] = await acceptedPlan(here);
    const told = {
        name: cabinet.patient.givenName,
        next_visit: cabinet.nextVisit?.service,
        teeth: (await new ChartApi(here).getMyChart()).teeth.length,
        plan, answered,
        ...await paidAccount(here),
        move: await askedToMove(here),
        booked: await bookedSlot(here),
        waited: await waited(here),
        visits: (await new AppointmentsApi(here).listMyAppointments()).items.map((each) => each.service),
        document: await readPaper(here),
        form: await filledForm(here),
        family: await family(here),
        message: await said(here),
        notices: (await new DevicesApi(here).listMyNotices()).items.map((each) => each.kind),
        refused: await refused(() => new PlansApi(here).getMyPlan({ planId: given("MESSAGE_ID") })),
    };
    process.stdout.write(JSON.stringify(told));
}

void main();
