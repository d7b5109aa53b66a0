"""What is made of a file, for tests that need no process of the darkroom: its job, and its answer there and back."""

from io import BytesIO

from media.darkroom import developed_in
from media.imaging import develop_job
from media.kinds import Developed, MediaType
from media.parcels import receive, send

_MOST_BYTES = 1024**3


def developed(content: bytes, announced: MediaType | None = None, frame: int | None = None) -> Developed:
    """As `Darkroom.develop` gives it, the patient's copy in memory. Raises `Rejected`."""
    wire = BytesIO()
    send(develop_job({"announced": announced, "frame": frame}, [content]), wire)
    wire.seek(0)
    return developed_in(receive(wire, _MOST_BYTES))
