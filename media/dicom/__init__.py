"""Develops a DICOM file: the picture, what the file says of it, and the patient's copy. Runs in the darkroom only."""

import warnings
from dataclasses import dataclass

from PIL import Image

from media.dicom.facts import facts_of, is_recognizable, person_of, stretch_of
from media.dicom.file import opened
from media.dicom.frame import frame_header, picture
from media.dicom.profile import patients_copy
from media.dicom.values import whole
from media.kinds import DicomFacts, NamedPerson, Reason, Rejected
from media.parcels import Pieces


@dataclass(frozen=True, slots=True)
class DicomDeveloped:
    """`image`: the frame that stands for all, eight bits a channel (L or RGB), with square pixels.

    `person`: whom the file names, to be compared with the patient and forgotten. `download`: the patient's copy, a
    DICOM file with the same pixels and nothing that names people, places, times or numbers of records.
    """

    image: Image.Image
    frames: int
    facts: DicomFacts
    person: NamedPerson | None
    download: Pieces


def developed_dicom(content: bytes, frame: int | None = None) -> DicomDeveloped:
    """`frame`: the one to be shown, from 1; None: the one that stands for all.

    Raises `Rejected`; MemoryError is left to who set the limit.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's remarks on sloppy files, which quote them
            return _developed(content, frame)
    except (Rejected, MemoryError):
        raise
    except Exception:  # noqa: BLE001  decoders of hostile bytes raise whatever they like
        raise Rejected(Reason.BROKEN) from None


def _developed(content: bytes, frame: int | None) -> DicomDeveloped:
    file = opened(content, frame)
    header = frame_header(file)
    image, hides = picture(file, header)
    stretch = stretch_of(header, image.size, (whole(header, "Columns"), whole(header, "Rows")))
    facts = facts_of(file, header, stretch=stretch, hides=hides)
    copy = patients_copy(file, burned_in=facts.burned_in, recognizable=is_recognizable(header))
    return DicomDeveloped(image, file.frames, facts, person_of(header), copy)
