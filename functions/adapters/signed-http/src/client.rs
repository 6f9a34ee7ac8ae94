//! The HTTP clients, and how they find hosts under `localhost`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Url};
use spillway_aws::root_certificates;

/// The API answers within 30 seconds, or API Gateway does for it.
const LONGEST: Duration = Duration::from_secs(35);

/// A client that trusts whom functions trust when they call AWS.
pub fn client_of_a_function() -> Result<Client, reqwest::Error> {
    let builder = builder();
    let builder = match root_certificates() {
        Some(certificates) => builder.tls_certs_only(Certificate::from_pem_bundle(certificates)?),
        None => builder,
    };
    builder.build()
}

/// A client for `url` that trusts what the system trusts: people's ways to AWS lead through proxies, too. None leads to this
/// machine itself.
pub fn client_of_a_person(url: &Url) -> Result<Client, reqwest::Error> {
    let is_here = url.host_str().is_some_and(is_loopback_name);
    let builder = if is_here { builder().no_proxy() } else { builder() };
    builder.build()
}

fn builder() -> ClientBuilder {
    // Fails only if there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(LONGEST).dns_resolver(Arc::new(LoopbackNames))
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
