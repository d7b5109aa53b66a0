// graphile-worker with one task, that posts one message; its end is committed in PostgreSQL. Arguments: database, the
// sink's address, how many at once.
import { Logger, run } from "graphile-worker";
import { Pool } from "undici";

const [database, sink, concurrency] = process.argv.slice(2);
const http = new Pool(sink, { connections: Number(concurrency) });
const path = "/v1/projects/enamel-bench/messages:send";
const headers = { authorization: "Bearer a-token-as-long-as-they-are", "content-type": "application/json" };

const body = ({ mid, token }) =>
  JSON.stringify({
    message: {
      token,
      data: { mid, kind: "visit", link: "/visits" },
      notification: { title: "Studio Rossi", body: "Sulla tua visita: apri l'app per i dettagli." },
      android: {
        priority: "HIGH", ttl: "3600s", collapse_key: "visit",
        notification: { tag: mid, channel_id: "visit", visibility: "PRIVATE" },
      },
      apns: {
        headers: { "apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1", "apns-collapse-id": mid },
        payload: { aps: { sound: "default", "thread-id": "visit", "mutable-content": 1 } },
      },
      webpush: { headers: { TTL: "3600", Urgency: "high" }, notification: { tag: mid } },
    },
  });

const push = async (payload) => {
  const answer = await http.request({ path, method: "POST", headers, body: body(payload) });
  const said = await answer.body.json();
  if (answer.statusCode !== 200 || !said.name) throw new Error(`HTTP ${answer.statusCode}`);
};

const runner = await run({
  connectionString: database,
  concurrency: Number(concurrency),
  pollInterval: 200,
  maxPoolSize: 20,
  noHandleSignals: false,
  logger: new Logger(() => () => {}),
  taskList: { push },
});
await runner.promise;
