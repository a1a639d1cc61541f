//! Tests of the library and of the built program; a module per stage and job.
