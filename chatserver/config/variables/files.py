"""Variables of the files that people send each other."""

from chatserver.config.variables.variable import DAY_MS, Variable

FILES: tuple[Variable, ...] = (
    Variable(
        "FILES_URL",
        "",
        "Where files are kept: `file:///path`, sealed with `CHAT_ENCRYPTION_KEY`, on a disk that all processes "
        "share; or `s3://bucket/prefix?region=…&endpoint=…`, where the bucket seals them "
        "([FILES.md](docs/FILES.md)).",
        shown="`.chatserver/files`",
    ),
    Variable(
        "UPLOAD_TTL",
        "900000",
        "Time in which a file may be uploaded, ms.",
        1000,
        DAY_MS,
    ),
    Variable("MAX_FILE_SIZE", "26214400", "Largest file, bytes.", 1024, 1_099_511_627_776),
    Variable(
        "FILE_QUOTA_PER_DAY",
        "1073741824",
        "Most bytes of files that one person may upload in 24 hours, each file as 64 KiB at least; 0 is no limit.",
        0,
        1_125_899_906_842_624,
    ),
    Variable(
        "CLAMD_URL",
        "",
        "A clamd that looks at every file before it is served, `tcp://host:port`.",
    ),
)
