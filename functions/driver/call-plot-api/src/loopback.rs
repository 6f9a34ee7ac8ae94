//! The HTTP client, and how it finds hosts under `localhost`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Certificate;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use spillway_aws::root_certificates;

/// A client for the plot API. The API answers within 30 seconds, or API Gateway does for it.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    // Fails only if there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(35)).dns_resolver(Arc::new(LoopbackNames));
    let builder = match root_certificates() {
        Some(certificates) => builder.tls_certs_only(Certificate::from_pem_bundle(certificates)?),
        None => builder,
    };
    builder.build()
}

/// Resolves names as the system does, and names under `localhost` as RFC 6761 (6.3) says: to the loopback address,
/// without asking a server. Not every system's resolver does that.
struct LoopbackNames;

impl Resolve for LoopbackNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str();
            let addresses: Vec<SocketAddr> = if is_loopback_name(host) {
                vec![(Ipv4Addr::LOCALHOST, 0).into()]
            } else {
                tokio::net::lookup_host((host, 0)).await?.collect()
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn is_loopback_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_under_localhost_are_loopback() {
        for (host, expect) in [
            ("localhost", true),
            ("abc.execute-api.LOCALHOST.", true),
            ("abc.execute-api.eu-central-1.amazonaws.com", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(is_loopback_name(host), expect, "{host}");
        }
    }
}
