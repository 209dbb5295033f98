//! Tests of the encoding of batches, of payloads and of blobs.

mod blobs;
mod codec;
mod golden;
mod payload;
mod samples;
