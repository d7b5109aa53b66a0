"""Rows of media: pictures and their uploads, series of them, what was drawn on them, where else they are kept."""

from media.tables.elsewhere import DicomwebSource, PictureElsewhere
from media.tables.files import FileLeft, Upload
from media.tables.kept import KeptBytes
from media.tables.pictures import Drawing, Picture, PictureDicom
from media.tables.series import Series, SeriesView

__all__ = [
    "DicomwebSource",
    "Drawing",
    "FileLeft",
    "KeptBytes",
    "Picture",
    "PictureDicom",
    "PictureElsewhere",
    "Series",
    "SeriesView",
    "Upload",
]
