//! Real certificates, made by the tests, and real handshakes.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// An authority and what it signs, in a folder.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `name.pem` and `name.key`.
    fn sign(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{name}.pem")), cert.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn files(&self, name: &str, client_must: bool) -> Files {
        Files {
            cert: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
            client_ca: client_must.then(|| self.path("ca.pem")),
            client_must,
        }
    }

    /// A client that trusts this authority, with a certificate of its own if one is named.
    fn client(&self, own: Option<&str>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(&self.path("ca.pem"), Part::Authorities).unwrap());
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let chain = certificates(&self.path(&format!("{name}.pem")), Part::Certificate).unwrap();
                let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        })
    }
}

/// Speaks one byte over TLS; the certificate that the server showed.
async fn handshake(tls: &Tls, client: Arc<ClientConfig>) -> io::Result<Vec<u8>> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (near, far) = tokio::io::duplex(16 << 10);
    let server = TlsAcceptor::from(tls.config()).accept(far);
    let serving = tokio::spawn(async move { server.await?.write_all(b"x").await });
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(client).connect(name, near).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    stream.read_u8().await?;
    serving.await.unwrap()?;
    Ok(shown)
}

fn der(path: &Path) -> Vec<u8> {
    certificates(path, Part::Certificate).unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_served() {
    let authority = Authority::new();
    authority.sign("server");
    let tls = Tls::load(authority.files("server", false)).unwrap();
    let shown = handshake(&tls, authority.client(None)).await.unwrap();
    assert_eq!(shown, der(&authority.path("server.pem")));
    assert!(handshake(&tls, Authority::new().client(None)).await.is_err(), "a stranger trusts it");
}

#[tokio::test]
async fn where_clients_must_show_a_certificate_only_one_of_the_authority_counts() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("server");
    authority.sign("client");
    other.sign("client");
    let tls = Tls::load(authority.files("server", true)).unwrap();
    assert!(handshake(&tls, authority.client(Some("client"))).await.is_ok());
    assert!(handshake(&tls, authority.client(None)).await.is_err());
    fs::copy(other.path("client.pem"), authority.path("stranger.pem")).unwrap();
    fs::copy(other.path("client.key"), authority.path("stranger.key")).unwrap();
    assert!(handshake(&tls, authority.client(Some("stranger"))).await.is_err());
}

#[tokio::test]
async fn new_files_hold_for_new_connections_and_bad_ones_change_nothing() {
    let authority = Authority::new();
    authority.sign("server");
    let tls = Tls::load(authority.files("server", false)).unwrap();
    let first = der(&authority.path("server.pem"));
    fs::write(authority.path("server.key"), "no key").unwrap();
    lock(&tls.state).looked -= LOOK;
    assert_eq!(handshake(&tls, authority.client(None)).await.unwrap(), first);
    authority.sign("server");
    lock(&tls.state).looked -= LOOK;
    let second = handshake(&tls, authority.client(None)).await.unwrap();
    assert_eq!(second, der(&authority.path("server.pem")));
    assert_ne!(second, first);
}

#[test]
fn what_is_wrong_names_the_file() {
    let authority = Authority::new();
    authority.sign("server");
    let message = |files: Files| Tls::load(files).unwrap_err().to_string();
    let missing = authority.files("nowhere", false);
    assert!(message(missing).contains("nowhere.pem: reading the certificates"));
    let swapped = Files { cert: authority.path("server.key"), ..authority.files("server", false) };
    assert!(message(swapped).contains("server.key: there is no certificate in it"));
    authority.sign("other");
    let unfit = Files { key: authority.path("other.key"), ..authority.files("server", false) };
    let said = message(unfit);
    assert!(said.contains("server.pem with ") && said.contains("other.key: "), "{said}");
}
