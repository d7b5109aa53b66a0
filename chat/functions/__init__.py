"""The database functions of the chat: whatever is asked of conversations at one moment is one statement and one commit.

`chat_all` sets the clinic of each thing it does for its own transaction, so that row-level security holds;
`chat_post` alone runs in its caller's scope and widens nothing. Refusals come back as a member of the answer and not
as an error: nothing failed.
"""

from sqlmodel import SQLModel

from chat.functions.case import CASE_LOG, CASE_OPENED, TOUCHED
from chat.functions.change import CHANGE, CHANGEABLE, NOTE
from chat.functions.hidden import HIDES
from chat.functions.marks import MARK
from chat.functions.media import ATTACHED, VOICES_SAID
from chat.functions.party import PARTY
from chat.functions.post import KNOWN, LOG, MAKING, POST, THREAD
from chat.functions.together import TOGETHER
from core.schema import add_function

for _definition in (
    *(PARTY, MAKING, THREAD, LOG, KNOWN, CASE_LOG, CASE_OPENED, TOUCHED, ATTACHED, VOICES_SAID, HIDES),
    *(POST, CHANGEABLE, CHANGE, NOTE, MARK, TOGETHER),
):
    add_function(SQLModel.metadata, _definition)

# As text: the answer is parsed once, into the value it is.
ALL = "select chat_all($1::json, $2)::text"
# Whether it was done before: who asks is asked first, as always.
DONE = (
    "select case when p.o_refusal is null then chat_known(:clinic, p.o_patient, p.o_person, p.o_name, :client, :digest)"
    " else json_build_object('refusal', p.o_refusal) end::text"
    " from chat_party(:clinic, :side, :account, :session, :conversation, :patient, :at) p"
)
SAID = (
    "select chat_post(:clinic, :patient, :side, :sender, :name, :client, :digest, cast(:said as jsonb), :fresh, :event,"
    " :cause, :at)::text"
)
