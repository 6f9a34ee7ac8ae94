//! Whom functions trust when they call AWS.

use std::env;

/// The roots of Amazon Trust Services, in PEM. It certifies the endpoints of AWS, and these are all roots that it has:
/// <https://aws.amazon.com/blogs/security/how-to-prepare-for-aws-move-to-its-own-certificate-authority>.
const AMAZON_TRUST_SERVICES: &[u8] = include_bytes!("../assets/amazon-trust-services.pem");

/// The variables that say where the system's certificates are, as OpenSSL knows them.
const SYSTEM: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The certificates to trust, in PEM: the five of Amazon's authority. Reading the system's hundred and more would take most
/// of a cold start.
///
/// `None` means the system's. It is for whoever sets `SSL_CERT_FILE` or `SSL_CERT_DIR`, because AWS is reached through a proxy
/// with a certificate of its own, say.
pub fn root_certificates() -> Option<&'static [u8]> {
    let system = SYSTEM.into_iter().any(|variable| env::var_os(variable).is_some());
    (!system).then_some(AMAZON_TRUST_SERVICES)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

    use super::*;

    const NAMES: [&[u8]; 2] = [b"Amazon Root CA ", b"Starfield Services Root Certificate Authority - G2"];

    fn is_of_amazon(certificate: &CertificateDer) -> bool {
        NAMES.iter().any(|name| certificate.windows(name.len()).any(|part| part == *name))
    }

    #[test]
    fn the_certificates_are_those_of_amazon_that_browsers_trust() {
        let ours: Result<HashSet<_>, _> = CertificateDer::pem_slice_iter(AMAZON_TRUST_SERVICES).collect();
        let browsers: HashSet<_> = TLS_SERVER_ROOT_CERTS.iter().filter(|it| is_of_amazon(it)).cloned().collect();
        assert_eq!(ours.unwrap(), browsers);
        assert_eq!(browsers.len(), 5);
    }
}
