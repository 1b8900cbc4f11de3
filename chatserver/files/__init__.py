"""Files that people send.

`Uploads` begins them and takes their bytes, `Completion` looks at these, `FileClaims` finds those that a message
is sent with, and `Downloads` those that a person may see, with `Links` that hold without a token. `Objects` are
what the storage keeps, a `PIECE` at a time: `DiskStorage` on a disk or `BucketStorage` in a bucket. `Caretaker`
ends what is left.
"""

from chatserver.files.bucket import BucketStorage
from chatserver.files.caretaker import Caretaker
from chatserver.files.claims import NO_FILES, Claimed, FileClaims
from chatserver.files.clamd import Clamd, ClamdError
from chatserver.files.completion import Completion
from chatserver.files.disk import DiskStorage
from chatserver.files.downloads import Downloads, Found
from chatserver.files.images import Images
from chatserver.files.links import LINK_SECONDS, Links
from chatserver.files.objects import Objects
from chatserver.files.rows import FileRows
from chatserver.files.storage import PIECE, Attributes, Storage, StorageError
from chatserver.files.uploads import FileLimits, Uploads

__all__ = [
    "LINK_SECONDS",
    "NO_FILES",
    "PIECE",
    "Attributes",
    "BucketStorage",
    "Caretaker",
    "Claimed",
    "Clamd",
    "ClamdError",
    "Completion",
    "DiskStorage",
    "Downloads",
    "FileClaims",
    "FileLimits",
    "FileRows",
    "Found",
    "Images",
    "Links",
    "Objects",
    "Storage",
    "StorageError",
    "Uploads",
]
