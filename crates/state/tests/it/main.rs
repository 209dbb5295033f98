//! Tests of databases and states through their public interface.

mod store;
