"""A small program of its own process: starts or attaches, says what it got, and waits to be ended.

Run as `python postgres_program.py DATA`. Prints one line of JSON; a line on its input stops it orderly.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncpg

from core.embedded_postgres import EmbeddedPostgres


async def one(server: EmbeddedPostgres) -> Any:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        return await connection.fetchval("select 1")
    finally:
        await connection.close()


def main() -> None:
    server = EmbeddedPostgres.start(Path(sys.argv[1]), durable=True)
    answer = asyncio.run(one(server))
    told = {"owned": server.owned, "home": str(server.home), "socket": str(server.socket), "answer": answer}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    server.stop()


if __name__ == "__main__":
    main()
