//! Which web pages may ask the node.

use crate::error::NodeError;
use http::{HeaderValue, Method, header::CONTENT_TYPE};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Most origins.
const MAX_ORIGINS: usize = 64;

/// Pages whose scripts may ask the node: over HTTP because the browser asks first (CORS), over WebSocket because the
/// node looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All of them.
    Any,
    /// Those from these origins, such as `https://app.example`; with none of them no page at all.
    Only(Vec<HeaderValue>),
}

impl Origins {
    /// Reads `*`, or origins with commas between them; nothing allows no page.
    ///
    /// # Errors
    ///
    /// [`NodeError::Config`] for what is no origin.
    pub fn read(text: &str) -> Result<Self, NodeError> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        let origins = origins.map(read_origin).collect::<Result<Vec<_>, _>>()?;
        if origins.len() > MAX_ORIGINS {
            let why = format!("{} origins, expected at most {MAX_ORIGINS}", origins.len());
            return Err(NodeError::Config(why));
        }
        Ok(Self::Only(origins))
    }

    /// Returns true when a page of this origin may ask. Browsers check answers themselves, but not those of a
    /// WebSocket.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Only(origins) => origins.contains(origin),
        }
    }

    pub(crate) fn layer(&self) -> CorsLayer {
        match self {
            Self::Any => CorsLayer::permissive(),
            Self::Only(origins) => CorsLayer::new()
                .allow_origin(AllowOrigin::list(origins.iter().cloned()))
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([CONTENT_TYPE]),
        }
    }
}

fn read_origin(text: &str) -> Result<HeaderValue, NodeError> {
    let wrong = || NodeError::Config(format!("{text:?} is no origin such as https://app.example"));
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.ok_or_else(wrong)?;
    if host.is_empty() || host.contains(['/', ' ', '*', '?', '#', '@']) {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_a_star_or_a_list() {
        assert_eq!(Origins::read(" * ").unwrap(), Origins::Any);
        assert_eq!(Origins::read("").unwrap(), Origins::Only(Vec::new()));
        let two = Origins::read("https://a.example, http://localhost:3000").unwrap();
        let expected = ["https://a.example", "http://localhost:3000"].map(HeaderValue::from_static);
        assert_eq!(two, Origins::Only(expected.to_vec()));
        for wrong in ["a.example", "https://", "https://a.example/path", "*,https://a", "ftp://a"] {
            assert!(Origins::read(wrong).is_err(), "{wrong}");
        }
        let many = vec!["https://a.example"; MAX_ORIGINS + 1].join(",");
        assert!(Origins::read(&many).is_err());
    }
}
