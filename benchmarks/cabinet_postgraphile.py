"""PostGraphile as the cabinet's peer: its tables, 1,000 patients in them, the process, and the question asked of it.

Source of tables and seed: the study of peers this project began with. One query gives a patient with 32 teeth, 31
findings and a plan of five stages with 20 items. No sign-in, no policy: PostGraphile answers whoever asks.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import asyncpg

from benchmarks.harness import Server, free_port, pinned, wait_for
from core.embedded_postgres import EmbeddedPostgres, create_database

_HERE = Path(__file__).parent / "postgraphile"
_DATABASE = "peer"
_NODE, _NPM = shutil.which("node") or "", shutil.which("npm") or ""

_TABLES = """
create table patient (id serial primary key, public_id uuid not null unique, first_name text not null,
  last_name text not null, phone text, birth_date date, clinic_id int not null, created_at timestamptz not null);
create table tooth (id serial primary key, patient_id int not null references patient, fdi int not null,
  status text not null, note text);
create table finding (id serial primary key, tooth_id int not null references tooth, code text not null,
  surface text, severity int, noted_on date);
create table plan (id serial primary key, patient_id int not null unique references patient, title text not null,
  status text not null, currency text not null, created_at timestamptz not null);
create table stage (id serial primary key, plan_id int not null references plan, pos int not null,
  title text not null, status text not null);
create table item (id serial primary key, stage_id int not null references stage, pos int not null,
  service_code text not null, title text not null, tooth_fdi int, qty int not null, price_cents int not null,
  status text not null);
create index on tooth (patient_id);
create index on finding (tooth_id);
create index on stage (plan_id);
create index on item (stage_id);
"""

_SEED = """
insert into patient (public_id, first_name, last_name, phone, birth_date, clinic_id, created_at)
  select gen_random_uuid(), 'Anna', 'Rossi ' || n, '+3902' || n, date '1980-01-01' + n, 1, now()
  from generate_series(1, 1000) n;
insert into tooth (patient_id, fdi, status, note)
  select p.id, (1 + k / 8) * 10 + 1 + k % 8, (array['sound', 'caries', 'filled', 'missing'])[1 + k % 4],
    case when k % 8 = 0 then 'watch at the next visit' end
  from patient p, generate_series(0, 31) k order by p.id, k;
insert into finding (tooth_id, code, surface, severity, noted_on)
  select t.id, 'caries', 'O', f, date '2026-01-09'
  from (select id, row_number() over (partition by patient_id order by id) - 1 as k from tooth) t,
    lateral generate_series(1, (t.k % 3)::int) f;
insert into plan (patient_id, title, status, currency, created_at)
  select id, 'Restorations', 'accepted', 'EUR', now() from patient;
insert into stage (plan_id, pos, title, status)
  select l.id, n, 'Stage ' || n, 'pending' from plan l, generate_series(1, 5) n;
insert into item (stage_id, pos, service_code, title, tooth_fdi, qty, price_cents, status)
  select s.id, n, 'D2391', 'Restoration ' || n, 10 + n, 1, 12050, 'accepted' from stage s, generate_series(1, 4) n;
"""

_QUERY = """query ($id: UUID!) { patientByPublicId(publicId: $id) {
  publicId firstName lastName phone birthDate
  teeth(orderBy: FDI_ASC) { nodes { fdi status note findings { nodes { code surface severity notedOn } } } }
  plan { title status currency
    stages(orderBy: POS_ASC) { nodes { pos title status
      items(orderBy: POS_ASC) { nodes { pos serviceCode title toothFdi qty priceCents status } } } } } } }"""


def missing() -> str | None:
    """Why PostGraphile cannot run here, or None."""
    return None if _NODE and _NPM else "node and npm are not installed"


async def seeded(server: EmbeddedPostgres) -> list[UUID]:
    """The peer's own database with its people; their public ids."""
    await create_database(server, _DATABASE)
    connection = await asyncpg.connect(server.url(_DATABASE))
    try:
        await connection.execute(_TABLES)
        await connection.execute(_SEED)
        await connection.execute("vacuum analyze")
        return [row["public_id"] for row in await connection.fetch("select public_id from patient order by id")]
    finally:
        await connection.close()


def serve_peer(server: EmbeddedPostgres, core: int, folder: Path) -> Server:
    """Install the pinned packages and start PostGraphile on `core`, without its pages and logs."""
    shutil.copytree(_HERE, folder, dirs_exist_ok=True)
    subprocess.run([_NPM, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    port, url = free_port(), server.url(_DATABASE)
    command = [
        _NODE, "node_modules/postgraphile/cli.js", "-c", _node_url(url), "-s", "public", "-n", "127.0.0.1",
        "-p", str(port), "--disable-graphiql", "--disable-query-log", "--max-pool-size", "8",
        "--append-plugins", "@graphile-contrib/pg-simplify-inflector",
    ]  # fmt: skip
    with pinned(core):
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, env={**os.environ, "NODE_ENV": "production"}
        )
    return wait_for(Server(port, process), "PostGraphile")


def _node_url(url: str) -> str:
    """The same address as node's driver reads it: the socket's folder as an encoded host."""
    parts = dict(part.split("=", 1) for part in url.split("?", 1)[1].split("&"))
    owner = url.split("//", 1)[1].split("@", 1)[0]
    return f"postgresql://{owner}@{quote(parts['host'], safe='')}:{parts['port']}/{_DATABASE}"


def question(public_id: UUID) -> str:
    """The whole request for one patient's cabinet."""
    body = json.dumps({"query": _QUERY, "variables": {"id": str(public_id)}})
    head = "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json"
    return f"{head}\r\ncontent-length: {len(body.encode())}\r\n\r\n{body}"
