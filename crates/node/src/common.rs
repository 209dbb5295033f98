//! One port for all rollups: `/CHAINID` in decimal, HTTP and WebSocket alike.

use crate::{
    origins::Origins, requests::RequestLayer, rpc::batch::BatchLayer, status::StatusLayer,
};
use jsonrpsee::{
    Methods,
    server::{
        HttpBody, HttpRequest, HttpResponse, Server, ServerConfig, ServerHandle, StopHandle,
        middleware::rpc::RpcServiceBuilder, serve_with_graceful_shutdown, stop_channel,
    },
};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::TcpListener,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::net::TcpStream;
use tower::{Layer, Service, service_fn};

/// Methods and batches of one chain.
type Route = (Methods, BatchLayer);

/// Methods of each chain, by EIP-155 id. Chains may be added while they are served.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Arc<RwLock<BTreeMap<u64, Route>>>);

impl Routes {
    pub(crate) fn add(&self, chain_id: u64, methods: Methods, batches: BatchLayer) {
        let route = (methods, batches);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(chain_id, route);
    }

    fn get(&self, chain_id: u64) -> Option<Route> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&chain_id).cloned()
    }
}

/// Pause after a failure to accept, most often for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves all `routes` on a port that was taken before.
pub(crate) fn serve(
    listener: TcpListener,
    config: ServerConfig,
    status: StatusLayer,
    requests: RequestLayer,
    routes: Routes,
    origins: Origins,
) -> std::io::Result<ServerHandle> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (stop, handle) = stop_channel();
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.clone().shutdown() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    connect(
                        stream,
                        &config,
                        status.clone(),
                        requests,
                        routes.clone(),
                        &origins,
                        stop.clone(),
                    );
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    });
    Ok(handle)
}

fn connect(
    stream: TcpStream,
    config: &ServerConfig,
    status: StatusLayer,
    requests: RequestLayer,
    routes: Routes,
    origins: &Origins,
    stop: StopHandle,
) {
    let middleware = tower::ServiceBuilder::new().layer(origins.layer()).layer(requests);
    let builder = Server::builder()
        .set_config(config.clone())
        .set_http_middleware(middleware)
        .to_service_builder();
    let (stopped, handle) = (stop.clone(), stop);
    let service = service_fn(move |request: HttpRequest<_>| {
        let chain = chain_of(request.uri().path()).and_then(|id| routes.get(id));
        let (builder, stop) = (builder.clone(), stopped.clone());
        async move {
            Ok::<_, Infallible>(match chain {
                Some((methods, batches)) => {
                    let builder =
                        builder.set_rpc_middleware(RpcServiceBuilder::new().layer(batches));
                    match builder.build(methods, stop).call(request).await {
                        Ok(response) => response,
                        Err(error) => plain(500, &format!("{error}\n")),
                    }
                }
                None => plain(404, "write the chain id after the port: /901\n"),
            })
        }
    });
    let service = status.layer(service);
    tokio::spawn(async move {
        // What goes wrong with one connection is for its client to see.
        let _ = serve_with_graceful_shutdown(stream, service, handle.shutdown()).await;
    });
}

/// Returns the chain that a path names.
pub(crate) fn chain_of(path: &str) -> Option<u64> {
    path.trim_matches('/').parse().ok()
}

fn plain(status: u16, text: &str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(text.to_owned()));
    *response.status_mut() = status.try_into().expect("a status of HTTP");
    response
}

#[cfg(test)]
mod tests {
    use super::chain_of;

    #[test]
    fn paths_name_chains_in_decimal() {
        assert_eq!(chain_of("/901"), Some(901));
        assert_eq!(chain_of("/901/"), Some(901));
        for path in ["", "/", "/0x385", "/901/x", "/-1", "/99999999999999999999"] {
            assert_eq!(chain_of(path), None, "{path}");
        }
    }
}
