//! Signature Version 4 for the HTTP API.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::HeaderMap;
use jiff::Timestamp;
use reqwest::Url;

use crate::Error;

/// The service that a call of an HTTP API is signed for.
const SERVICE: &str = "execute-api";

/// The headers that sign a GET of `url`.
pub fn headers(url: &Url, credentials: Credentials, region: &str, now: Timestamp) -> Result<HeaderMap, Error> {
    let signing = |error: &dyn std::fmt::Display| Error::Signing(error.to_string());
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now.into())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| signing(&error))?;
    let host = url.host_str().ok_or_else(|| signing(&"the address has no host"))?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let host_header = [("host", host.as_str())];
    let signable = SignableRequest::new("GET", url.as_str(), host_header.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|error| signing(&error))?;
    let (instructions, _) = sign(signable, &params.into()).map_err(|error| signing(&error))?.into_parts();
    let mut request = http::Request::get(url.as_str()).body(()).map_err(|error| signing(&error))?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.into_parts().0.headers)
}
