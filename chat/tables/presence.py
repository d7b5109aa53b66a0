"""Rows of who is connected now, and of the nodes that say so."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow


class ChatNode(SQLModel, table=True):
    """A process that holds sockets. What it said of them counts until `until`, which it moves on while it lives:
    one row a node, and not one a socket, is written again and again.
    """

    __tablename__ = "chat_node"

    id: UUID = Field(primary_key=True)
    until: datetime


class ChatPresence(TenantRow, table=True):
    """One socket that hears one patient's thread, or (`patient_id` null) sits at the desk.

    Its `id` follows from the connection and the patient. `front`: somebody looks at that device. `since`: when it
    came, by PostgreSQL's own clock, so that nodes agree on which of a `device`'s sockets is the newest.
    """

    __tablename__ = "chat_presence"
    __table_args__ = (
        of_patient("chat_presence"),
        Index("chat_presence_of_patient", "clinic_id", "patient_id"),
        Index("chat_presence_of_node", "node_id"),
        Index("chat_presence_of_device", "clinic_id", "account_id", "device"),
        # Nodes ask each second who came lately, over all clinics.
        Index("chat_presence_since", "since"),
    )

    patient_id: UUID | None = None
    account_id: UUID
    node_id: UUID
    front: bool = False
    connection_id: UUID
    device: str
    since: datetime
