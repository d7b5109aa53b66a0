"""A voice message is measured by its sound and given out anew; what is not one track of honest sound is refused."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import pytest

from media.darkroom import Darkroom
from media.kinds import MediaType, Reason, Rejected
from media.listening import heard
from media.voice import LOUDEST, PEAKS, Heard, lies, voice_type_of, waveform_of
from media.voice_layout import sound_layout
from tests.media.samples import photo
from tests.media.sounds import chained, huge_claim, lying, lying_head, m4a, ogg, sound, webm, without_sound

PAGE = b"<html><script>alert(1)</script></html>"
ZIP = b"PK\3\4\x14\0" + bytes(60) + b"PK\5\6" + bytes(18)

HONEST: dict[str, tuple[Callable[[], bytes], MediaType]] = {
    "m4a": (m4a, MediaType.MP4_SOUND),
    "m4a of an old phone": (lambda: sound("mp4", "aac", rate=8_000), MediaType.MP4_SOUND),
    "m4a in fragments": (
        lambda: sound("mp4", "aac", options={"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"}),
        MediaType.MP4_SOUND,
    ),
    "ogg": (ogg, MediaType.OGG_SOUND),
    "webm": (lambda: sound("webm", "libopus"), MediaType.WEBM_SOUND),
    "webm while it goes": (webm, MediaType.WEBM_SOUND),
}


@pytest.mark.parametrize(("record", "media_type"), HONEST.values(), ids=HONEST)
def test_what_phones_and_browsers_record_is_measured_drawn_and_made_anew(
    record: Callable[[], bytes], media_type: MediaType
) -> None:
    content = record()
    made = heard(content, media_type)
    assert made.seconds == 2
    assert len(made.waveform) == PEAKS
    assert max(made.waveform) == LOUDEST
    assert sum(made.waveform[: PEAKS // 2]) < sum(made.waveform[PEAKS // 2 :]), "it grows louder"
    with av.open(BytesIO(made.copy), "r") as copy:
        assert [(stream.type, stream.codec_context.name) for stream in copy.streams] == [("audio", "aac")]
        assert copy.duration == pytest.approx(2_000_000, abs=100_000)
    assert heard(made.copy, MediaType.MP4_SOUND).seconds == 2
    assert made.copy == heard(content).copy, "looked into twice, the same bytes"


@pytest.mark.parametrize("record", [m4a, ogg, webm])
def test_what_a_file_says_of_people_and_places_is_not_in_its_copy(record: Callable[..., bytes]) -> None:
    said = {"title": "Anna Rossi", "location": "+45.4642+009.1900/", "comment": "Voice of Anna", "encoder": "iPhone 17"}
    content = record(2.0, **said)
    assert b"Anna Rossi" in content
    copy = heard(content).copy
    assert not [word for word in (b"Anna", b"45.46", b"iPhone", b"Lavc", b"Lavf") if word in copy]


HOSTILE: dict[str, tuple[Callable[[], bytes], Reason]] = {
    "cut off mp4": (lambda: m4a()[:-40], Reason.BROKEN),
    "cut off ogg": (lambda: ogg()[:-40], Reason.BROKEN),
    "ogg with a page of a head cut off": (lambda: ogg() + b"OggS" + bytes(9), Reason.BROKEN),
    "ogg with a page of a table cut off": (lambda: ogg() + b"OggS" + bytes(22) + b"\xff\0", Reason.BROKEN),
    "cut off webm": (lambda: webm()[:-40], Reason.BROKEN),
    "no sound behind the head": (without_sound, Reason.BROKEN),
    "says ten minutes": (lying, Reason.BROKEN),
    "says nothing like it": (lambda: lying(20.0, 1), Reason.BROKEN),
    "a film": (lambda: sound("mp4", "aac", cover=True), Reason.NOT_ONE_SOUND),
    "two tracks": (lambda: sound("mp4", "aac", tracks=2), Reason.NOT_ONE_SOUND),
    "two tracks in webm": (lambda: sound("webm", "libopus", tracks=2), Reason.NOT_ONE_SOUND),
    "two streams in a chain": (chained, Reason.NOT_ONE_SOUND),
    "a box as long as a disk": (huge_claim, Reason.BROKEN),
    "words": (lambda: b"Good morning, may I come at nine?" * 9, Reason.BROKEN),
    "a picture": (photo, Reason.BROKEN),
    "zeros behind the first bytes": (lambda: m4a()[:32] + bytes(4000), Reason.BROKEN),
    "an archive behind it": (lambda: m4a() + ZIP, Reason.BROKEN),
    "an archive in a box": (lambda: m4a() + (8 + len(ZIP)).to_bytes(4, "big") + b"free" + ZIP, Reason.TWO_FACES),
    "a page in a box": (lambda: m4a() + (8 + len(PAGE)).to_bytes(4, "big") + b"udta" + PAGE, Reason.TWO_FACES),
    "a page in its title": (lambda: ogg(title=PAGE.decode()), Reason.TWO_FACES),
    "a page in the title of a webm": (lambda: webm(title=PAGE.decode()), Reason.TWO_FACES),
    "another codec": (lambda: sound("ogg", "flac"), Reason.BROKEN),
    "mp3 in mp4": (lambda: sound("mp4", "libmp3lame"), Reason.UNSUPPORTED),
    "of another type than announced": (ogg, Reason.TYPE_DIFFERS),
}


@pytest.mark.parametrize(("made", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_one_honest_sound_is_refused(made: Callable[[], bytes], reason: Reason) -> None:
    announced = MediaType.WEBM_SOUND if reason is Reason.TYPE_DIFFERS else None
    with pytest.raises(Rejected) as refusal:
        heard(made(), announced)
    assert refusal.value.reason is reason


def test_what_is_longer_than_may_be_is_listened_to_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.listening.LONGEST_SECONDS", 3)
    assert heard(ogg(3.4)).seconds == 3, "an encoder's silence at both ends is no reason"
    for seconds in (3.6, 3.9, 4.5):
        with pytest.raises(Rejected) as refusal:
            heard(ogg(seconds))
        assert refusal.value.reason is Reason.TOO_LONG


def test_nothing_is_heard_that_a_message_could_not_tell_of() -> None:
    assert Heard(900, (0,) * 63 + (31,), b"")
    for seconds, waveform in ((0, (0,) * 64), (901, (0,) * 64), (9, (0,) * 63), (9, (32,) * 64), (9, (-1,) * 64)):
        with pytest.raises(ValueError, match="no"):
            Heard(seconds, waveform, b"")


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("box", [b"mvhd", b"mdhd"])
def test_each_head_of_an_mp4_is_read_in_both_of_its_versions(box: bytes, *, long: bool) -> None:
    content = lying_head(box, long=long)
    assert 600.0 in sound_layout(content, MediaType.MP4_SOUND).seconds
    with pytest.raises(Rejected) as refusal:
        heard(content)
    assert refusal.value.reason is Reason.BROKEN


def test_any_single_damaged_byte_is_refused_or_heard_and_never_something_else() -> None:
    for content in (m4a(0.3), ogg(0.3), webm(0.3)):
        for place in range(0, len(content), 61):
            hurt = bytearray(content)
            hurt[place] ^= 0xFF
            try:
                made = heard(bytes(hurt))
            except (Rejected, MemoryError):
                continue
            assert made.copy[4:8] == b"ftyp"


def test_silence_is_drawn_as_silence_and_few_samples_fill_all_peaks() -> None:
    assert heard(sound(loud=0.0)).waveform == (0,) * PEAKS
    assert waveform_of([]) == (0,) * PEAKS
    assert waveform_of([0.1, 0.2]) == (16,) * 32 + (31,) * 32
    short = heard(ogg(0.05))
    assert (short.seconds, len(short.waveform)) == (1, PEAKS)


def test_a_header_may_be_a_little_wrong_or_say_nothing() -> None:
    assert not lies(None, 3.0)
    assert not lies(3.9, 3.0)
    assert lies(5.1, 3.0)
    assert not lies(610.0, 600.0)


def test_the_type_is_told_by_the_first_bytes() -> None:
    assert voice_type_of(b"\0\0\0\x1cftypheic") is None
    assert voice_type_of(b"\0\0\0\x1cftypqt  ") is None
    assert voice_type_of(b"OggS" + bytes(24) + b"\x01vorbis") is None
    assert voice_type_of(b"\x1aE\xdf\xa3\xa3B\x82\x88matroska") is None


async def test_it_is_listened_to_in_the_darkroom_within_its_limits(tmp_path: Path) -> None:
    longest = tmp_path / "longest"
    longest.write_bytes(sound("ipod", "aac", 15 * 60, rate=8_000))
    async with Darkroom(1) as darkroom:
        made = await darkroom.listen(longest, MediaType.MP4_SOUND)
        assert (made.seconds, len(made.copy) < 16 * 1024**2) == (900, True)
        with pytest.raises(Rejected) as refusal:
            await darkroom.listen(b"OggS", MediaType.OGG_SOUND)
        assert refusal.value.reason is Reason.BROKEN


def test_nothing_but_the_darkroom_loads_ffmpeg() -> None:
    asked = "import sys, api.app, enamel.worker.process, enamel.serve, media.darkroom; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", asked], check=False).returncode == 0
