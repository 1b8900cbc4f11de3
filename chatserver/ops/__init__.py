"""Running a server and judging it: the process, its workers, the demo, embedded PostgreSQL, the doctor."""
