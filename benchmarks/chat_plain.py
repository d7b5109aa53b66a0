"""The chat as a first version is written: FastAPI's websocket, SQLModel, a dict of sockets; no right is asked."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from sqlalchemy import Column, DateTime, MetaData
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import now
from core.database import asyncpg_url

_POOL, _OVERFLOW = 5, 10


class Mapped(SQLModel, registry=registry(metadata=MetaData())):
    """Tables of this program alone."""


class Said(Mapped, table=True):
    __tablename__ = "said"

    id: int | None = Field(default=None, primary_key=True)
    pair: str = Field(index=True)
    sender: str
    body: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class SaidIn(SQLModel):
    id: int
    body: str


def plain() -> FastAPI:
    engine = create_async_engine(asyncpg_url(os.environ["BENCH_URL"]), pool_size=_POOL, max_overflow=_OVERFLOW)
    sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    sockets: dict[str, WebSocket] = {}

    @asynccontextmanager
    async def with_tables(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Mapped.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=with_tables)

    @app.websocket("/chat/{pair}/{side}")
    async def chat(socket: WebSocket, pair: str, side: str) -> None:
        await socket.accept()
        sockets[f"{pair}/{side}"] = socket
        peer = f"{pair}/{'b' if side == 'a' else 'a'}"
        try:
            while True:
                asked = SaidIn.model_validate(await socket.receive_json())
                async with sessions() as session:
                    said = Said(pair=pair, sender=side, body=asked.body, at=now())
                    session.add(said)
                    await session.commit()
                    await session.refresh(said)
                await socket.send_json({"t": "ack", "id": asked.id, "seq": said.id, "at": said.at.isoformat()})
                if peer in sockets:
                    await sockets[peer].send_json({"t": "ev", "seq": said.id, "body": said.body})
        except WebSocketDisconnect:
            sockets.pop(f"{pair}/{side}", None)

    return app


def echo() -> FastAPI:
    """What an idle socket of FastAPI costs at least: one that sends back what it hears."""
    app = FastAPI()

    @app.websocket("/echo")
    async def back(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text(await socket.receive_text())
        except WebSocketDisconnect:
            return

    return app
