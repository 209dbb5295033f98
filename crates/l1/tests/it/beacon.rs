//! Blobs from an endpoint with the beacon API.

use alloy_primitives::{B256, Bytes, hex};
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};
use tokio::{net::TcpListener, task::JoinHandle};
use weft_l1::{BeaconBlobs, BlobDir, BlobError, BlobSource as _, L1Block, Posted, versioned_hash};
use weft_settlement::BatchHeader;

/// What an endpoint answers, by path without what it is asked for.
type Paths = BTreeMap<String, (u16, String)>;

/// An endpoint that answers what it was given.
#[derive(Debug)]
struct Beacon {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Beacon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Beacon {
    async fn start(paths: Paths) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { url, task: tokio::spawn(serve(listener, Arc::new(paths))) }
    }
}

async fn serve(listener: TcpListener, paths: Arc<Paths>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let paths = Arc::clone(&paths);
        let answer = service_fn(move |request: Request<Incoming>| {
            let missing = (404, "{}".to_owned());
            let (status, body) = paths.get(request.uri().path()).cloned().unwrap_or(missing);
            let body = Full::<hyper::body::Bytes>::from(body);
            let response = Response::builder().status(status).body(body).unwrap();
            async { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

/// A blob that begins with a number.
fn blob(number: u8) -> Vec<u8> {
    let mut blob = vec![0; 131_072];
    blob[31] = number;
    blob
}

fn posted(blobs: &[Vec<u8>]) -> Posted {
    Posted {
        header: BatchHeader { number: 3, ..BatchHeader::default() },
        hash: B256::ZERO,
        signer: Default::default(),
        registry_hash: B256::ZERO,
        accumulator: Default::default(),
        blobs: blobs.iter().map(|blob| versioned_hash(blob).unwrap()).collect(),
        transaction: B256::ZERO,
        block: L1Block { number: 1, unix_s: 1_000 + 5 * 7, ..L1Block::default() },
    }
}

fn paths(more: &[(&str, Value)]) -> Paths {
    let times = [
        ("/eth/v1/beacon/genesis", json!({"data": {"genesis_time": "1000"}})),
        ("/eth/v1/config/spec", json!({"data": {"SECONDS_PER_SLOT": "5"}})),
    ];
    let all = times.iter().chain(more);
    all.map(|(path, answer)| ((*path).to_owned(), (200, answer.to_string()))).collect()
}

fn hexes(blobs: &[Vec<u8>]) -> Vec<String> {
    blobs.iter().map(hex::encode_prefixed).collect()
}

#[tokio::test]
async fn blobs_are_found_by_slot_and_put_in_order() {
    let blobs = [blob(1), blob(2)];
    let posted = posted(&blobs);
    let others = hexes(&[blob(9), blob(2), blob(1)]);
    let sidecars: Vec<_> = others.iter().map(|blob| json!({"blob": blob, "index": "0"})).collect();
    // Newer endpoints know the first path, older ones the second.
    for more in [
        ("/eth/v1/beacon/blobs/7", json!({"data": others})),
        ("/eth/v1/beacon/blob_sidecars/7", json!({"data": sidecars})),
    ] {
        let beacon = Beacon::start(paths(&[more])).await;
        let source = BeaconBlobs::connect(&beacon.url).await.unwrap();
        let found = source.blobs(&posted).await.unwrap();
        assert_eq!(found, blobs.clone().map(Bytes::from));
    }
}

#[tokio::test]
async fn blobs_that_are_not_those_of_the_batch_are_refused() {
    let posted = posted(&[blob(1), blob(2)]);
    for given in [vec![], hexes(&[blob(1)]), hexes(&[blob(1), blob(3)]), vec!["0x00".to_owned()]] {
        let more = ("/eth/v1/beacon/blobs/7", json!({"data": given}));
        let beacon = Beacon::start(paths(&[more])).await;
        let source = BeaconBlobs::connect(&beacon.url).await.unwrap();
        let error = source.blobs(&posted).await.unwrap_err();
        assert!(matches!(error, BlobError::Missing { batch: 3, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_none_is_refused() {
    let silent = Beacon::start(Paths::new()).await;
    let error = BeaconBlobs::connect(&silent.url).await.unwrap_err();
    assert!(error.to_string().contains("has no /eth/v1/beacon/genesis"), "{error}");
    let wrong = paths(&[("/eth/v1/config/spec", json!({"data": {"SECONDS_PER_SLOT": "0"}}))]);
    let wrong = Beacon::start(wrong).await;
    let error = BeaconBlobs::connect(&wrong.url).await.unwrap_err();
    assert!(error.to_string().contains("its slots have no time"), "{error}");
    let failing = [("/eth/v1/beacon/genesis".to_owned(), (500, String::new()))];
    let failing = Beacon::start(failing.into()).await;
    let error = BeaconBlobs::connect(&failing.url).await.unwrap_err();
    assert!(error.to_string().contains("HTTP status 500"), "{error}");
    assert!(BeaconBlobs::connect("words").await.is_err());
}

#[tokio::test]
async fn a_block_before_the_chain_of_the_endpoint_is_refused() {
    let beacon = Beacon::start(paths(&[])).await;
    let source = BeaconBlobs::connect(&beacon.url).await.unwrap();
    let mut early = posted(&[blob(1)]);
    early.block.unix_s = 999;
    let error = source.blobs(&early).await.unwrap_err();
    assert!(error.to_string().contains("older than its chain"), "{error}");
}

#[tokio::test]
async fn a_directory_gives_what_it_was_given_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let kept = BlobDir::new(folder.path());
    let posted = posted(&[blob(1)]);
    let missing = kept.blobs(&posted).await.unwrap_err();
    assert!(matches!(missing, BlobError::Missing { batch: 3, .. }), "{missing:?}");
    let hash = kept.keep(&blob(1)).unwrap().unwrap();
    assert_eq!(kept.blobs(&posted).await.unwrap(), [Bytes::from(blob(1))]);
    for wrong in [blob(2), vec![0; 5]] {
        std::fs::write(kept.path_of(&hash), wrong).unwrap();
        let error = kept.blobs(&posted).await.unwrap_err();
        assert!(matches!(error, BlobError::Wrong { .. }), "{error:?}");
    }
    // Field elements are below a prime, and a blob has a length.
    assert_eq!(kept.keep(&[0xff; 131_072]).unwrap(), None);
    assert_eq!(kept.keep(&[0; 5]).unwrap(), None);
}
