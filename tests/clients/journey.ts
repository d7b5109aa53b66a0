/* A patient's whole journey with the generated TypeScript client, as an app developer would write it. */

import {
    AccountApi, AppointmentsApi, CabinetApi, ChartApi, ChatApi, Configuration, DevicesApi, DocumentsApi, PaymentsApi,
    PlansApi, ResponseError, SignInApi,
} from "./client/index";

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

async function paidAccount(here: Configuration): Promise<[number, string]> {
    const [balance] = (await new AccountApi(here).getMyAccount()).balances;
    const payments = new PaymentsApi(here);
    const started = await payments.startMyPayment({ paymentRequest: {} });
    if (!started.page || !balance) throw new Error("there is no page to pay on");
    return [balance.payable.amountMinor, (await payments.getMyPayment({ paymentId: started.paymentId })).status];
}

async function readPaper(here: Configuration): Promise<string> {
    const documents = new DocumentsApi(here);
    const [listed] = (await documents.listMyDocuments()).items;
    if (!listed) throw new Error("no document was sent");
    const opened = await documents.openMyDocument({ documentId: listed.documentId });
    const acknowledgement = { contentSha256: opened.contentSha256 };
    return (await documents.acknowledgeMyDocument({ documentId: listed.documentId, acknowledgement })).state;
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

async function refused(here: Configuration): Promise<string> {
    try {
        await new PlansApi(here).getMyPlan({ planId: given("MESSAGE_ID") });
    } catch (error) {
        if (error instanceof ResponseError) return (await error.response.json()).code;
        throw error;
    }
    throw new Error("a plan of nobody was found");
}

async function main(): Promise<void> {
    const here = await signedIn(given("ADDRESS"));
    const cabinet = await new CabinetApi(here).getMyCabinet();
    const [plan, answered] = await acceptedPlan(here);
    const [payable, payment] = await paidAccount(here);
    const [visit] = (await new AppointmentsApi(here).listMyAppointments()).items;
    const told = {
        name: cabinet.patient.givenName,
        next_visit: cabinet.nextVisit?.service,
        teeth: (await new ChartApi(here).getMyChart()).teeth.length,
        plan, answered, payable, payment,
        visit: visit?.service,
        document: await readPaper(here),
        message: await said(here),
        notices: (await new DevicesApi(here).listMyNotices()).items.map((each) => each.kind),
        refused: await refused(here),
    };
    process.stdout.write(JSON.stringify(told));
}

void main();
