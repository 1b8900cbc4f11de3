"""The names that may stand behind the `?` of a PostgreSQL URL: libpq's, the server's own, and other tools'.

Sources: PostgreSQL 18, "Parameter Key Words" (libpq); `pg_settings` of PostgreSQL 15 and 18.
"""

from __future__ import annotations

# libpq's that are read by `chatserver.config.dsn`.
_HONOURED = """
application_name client_encoding connect_timeout database dbname fallback_application_name gssencmode gsslib
host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname options passfile
password port replication requiressl service servicefile ssl ssl_max_protocol_version ssl_min_protocol_version
sslcert sslcrl sslcrldir sslkey sslmode sslnegotiation sslpassword sslrootcert target_session_attrs
tcp_user_timeout user
"""
HONOURED = frozenset(_HONOURED.split())

# libpq's that nothing here can follow: what is true instead, and the values that ask for nothing else.
IGNORED: dict[str, tuple[str, tuple[str, ...]]] = {
    "channel_binding": (
        "the server's certificate is what protects the password: sslmode=verify-full",
        ("disable", "prefer"),
    ),
    "gssdelegation": ("no credentials are handed on", ("0",)),
    "load_balance_hosts": ("hosts are tried in their order", ("disable",)),
    "max_protocol_version": ("version 3.0 of the protocol is spoken", ("3.0",)),
    "min_protocol_version": ("version 3.0 of the protocol is spoken", ("3.0",)),
    "oauth_client_id": ("OAuth is not spoken", ()),
    "oauth_client_secret": ("OAuth is not spoken", ()),
    "oauth_issuer": ("OAuth is not spoken", ()),
    "oauth_scope": ("OAuth is not spoken", ()),
    "require_auth": (
        "the server chooses how to ask for the password: sslmode=verify-full protects it",
        (),
    ),
    "requirepeer": ("the owner of a Unix socket is not looked at", ()),
    "scram_client_key": ("write the password itself", ()),
    "scram_server_key": ("write the password itself", ()),
    "sslcertmode": ("sslcert is shown to a server that asks for it", ("allow",)),
    "sslcompression": ("TLS is not compressed", ("0",)),
    "sslkeylogfile": ("TLS keys are not written down", ()),
    "sslsni": ("the host's name is sent", ("1",)),
}

_POOL_SIZE = "write DB_MAX_CONNECTIONS instead"
_STATEMENTS = "write DB_STATEMENT_CACHE_SIZE instead (0 behind a transaction pooler)"
_CONNECTING = "write connect_timeout (seconds) or DB_CONNECTION_TIMEOUT (ms) instead"
_QUERYING = "write DB_QUERY_TIMEOUT instead"
_SSLMODE = "write sslmode instead"

# What other tools put there, and what to write here.
FOREIGN = {
    "charset": "leave it out: the text is UTF-8",
    "connection_limit": _POOL_SIZE,
    "connection_timeout": _CONNECTING,
    "connecttimeout": _CONNECTING,
    "currentschema": "write search_path instead",
    "default_query_exec_mode": _STATEMENTS,
    "encoding": "leave it out: the text is UTF-8",
    "idle_timeout": "write DB_IDLE_TIMEOUT instead",
    "logintimeout": _CONNECTING,
    "max_connections": _POOL_SIZE,
    "pgbouncer": "leave it out, and write DB_STATEMENT_CACHE_SIZE=0",
    "pool_max_conn_idle_time": "write DB_IDLE_TIMEOUT instead",
    "pool_max_conns": _POOL_SIZE,
    "pool_min_conns": "write DB_MIN_CONNECTIONS instead",
    "pool_size": _POOL_SIZE,
    "pool_timeout": _CONNECTING,
    "prepared_statement_cache_size": _STATEMENTS,
    "prepared_statements": _STATEMENTS,
    "preparethreshold": _STATEMENTS,
    "query_timeout": _QUERYING,
    "schema": "write search_path instead",
    "socket_timeout": _QUERYING,
    "sockettimeout": _QUERYING,
    "sslaccept": _SSLMODE,
    "sslca": "write sslrootcert instead",
    "sslfactory": _SSLMODE,
    "sslidentity": "write sslcert and sslkey instead",
    "statement_cache_capacity": _STATEMENTS,
    "statement_cache_size": _STATEMENTS,
    "uselibpqcompat": "leave it out: sslmode means what libpq means by it",
}

# What a session of PostgreSQL 14 to 18 may set, in lower case. What is newer can be written as
# `options=-c name=value`; a name with a dot in it (an extension's, or made up) passes.
_SESSION = """
allow_in_place_tablespaces allow_system_table_mods array_nulls backend_flush_after backslash_quote
backtrace_functions bytea_output check_function_bodies client_connection_check_interval client_min_messages
commit_delay commit_siblings compute_query_id constraint_exclusion cpu_index_tuple_cost cpu_operator_cost
cpu_tuple_cost createrole_self_grant cursor_tuple_fraction datestyle deadlock_timeout debug_discard_caches
debug_logical_replication_streaming debug_parallel_query debug_pretty_print debug_print_parse debug_print_plan
debug_print_rewritten default_statistics_target default_table_access_method default_tablespace
default_text_search_config default_toast_compression default_transaction_deferrable
default_transaction_isolation default_transaction_read_only dynamic_library_path effective_cache_size
effective_io_concurrency enable_async_append enable_bitmapscan enable_distinct_reordering enable_gathermerge
enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append
enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join
enable_presorted_aggregate enable_self_join_elimination enable_seqscan enable_sort enable_tidscan
escape_string_warning event_triggers exit_on_error extension_control_path extra_float_digits file_copy_method
force_parallel_mode from_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size geqo_seed
geqo_selection_bias geqo_threshold gin_fuzzy_search_limit gin_pending_list_limit hash_mem_multiplier
icu_validation_level idle_in_transaction_session_timeout idle_session_timeout ignore_checksum_failure
ignore_system_indexes intervalstyle io_combine_limit jit jit_above_cost jit_debugging_support jit_dump_bitcode
jit_expressions jit_inline_above_cost jit_optimize_above_cost jit_profiling_support jit_tuple_deforming
join_collapse_limit lc_messages lc_monetary lc_numeric lc_time lo_compat_privileges local_preload_libraries
lock_timeout log_connections log_disconnections log_duration log_error_verbosity log_executor_stats
log_lock_failures log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement
log_min_messages log_parameter_max_length log_parameter_max_length_on_error log_parser_stats log_planner_stats
log_replication_commands log_statement log_statement_sample_rate log_statement_stats log_temp_files
log_transaction_sample_rate logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem
max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather max_stack_depth
md5_password_warnings min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
parallel_setup_cost parallel_tuple_cost password_encryption plan_cache_mode post_auth_delay
quote_all_identifiers random_page_cost recursive_worktable_factor restrict_nonsystem_relation_kind role
row_security scram_iterations search_path seq_page_cost session_authorization session_preload_libraries
session_replication_role standard_conforming_strings statement_timeout stats_fetch_consistency
synchronize_seqscans synchronous_commit tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval
temp_buffers temp_file_limit temp_tablespaces timezone timezone_abbreviations trace_notify trace_sort
track_activities track_cost_delay_timing track_counts track_functions track_io_timing track_wal_io_timing
transaction_timeout transform_null_equals update_process_title vacuum_buffer_usage_limit vacuum_cost_delay
vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
vacuum_freeze_min_age vacuum_freeze_table_age vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age
vacuum_multixact_freeze_table_age vacuum_truncate wal_compression wal_consistency_checking wal_init_zero
wal_recycle wal_sender_timeout wal_skip_threshold work_mem xmlbinary xmloption zero_damaged_pages
"""
SESSION = frozenset(_SESSION.split())

# What the promises hang on: the values that keep them, in lower case, and what is wrong with others.
PROMISED: dict[str, tuple[tuple[str, ...], str]] = {
    "synchronous_commit": (
        ("on", "true", "yes", "1", "local", "remote_write", "remote_apply"),
        "an ack would not mean that a message is kept",
    ),
    "default_transaction_isolation": (("read committed",), "the log needs read committed"),
    "default_transaction_read_only": (("off", "false", "no", "0"), "the server must write"),
}
