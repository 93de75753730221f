//! Callers of all sorts against rules of all sorts.

use std::io::Write as _;

use axum::http::HeaderValue;
use axum::http::header::HeaderName;

use super::*;

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

fn tcp(peer: &str, local: &str) -> Peer {
    Peer::Tcp { peer: peer.parse().unwrap(), local: local.parse().unwrap(), certificate: None }
}

fn token_file(text: &str) -> tempfile::NamedTempFile {
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn a_name_that_is_not_ours_is_refused_on_loopback() {
    let rules = Rules::default();
    let origin = tcp("127.0.0.1:5000", "127.0.0.1:9999");
    for (host, admitted) in [
        ("localhost:9999", true),
        ("127.0.0.1:9999", true),
        ("127.0.0.1", true),
        ("[::1]:9999", true),
        ("evil.example:9999", false),
        ("localhost.evil.example", false),
    ] {
        let result = rules.admit(&origin, &headers(&[(HOST, host)]));
        assert_eq!(result.is_ok(), admitted, "{host}: {result:?}");
    }
    let page = headers(&[(HOST, "localhost:9999"), (ORIGIN, "http://evil.example")]);
    assert_eq!(rules.admit(&origin, &page), Err(Denied::Origin));
}

#[test]
fn the_socket_is_guarded_by_its_mode_alone() {
    let pid = i32::try_from(std::process::id()).unwrap();
    let caller = Rules::default().judge(&Peer::Unix { uid: 0, pid }, &HeaderMap::new()).unwrap();
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(caller.who, format!("user root (uid 0), pid {pid} ({})", comm.trim_end()));
    assert_eq!(caller.from, "the socket");
}

#[test]
fn from_elsewhere_only_the_token_or_a_certificate_opens() {
    let file = token_file("secret\n");
    let rules = Rules { trust_peers: true, token_file: Some(file.path().to_owned()), ..Rules::default() };
    let origin = tcp("192.0.2.1:5000", "192.0.2.2:9999");
    let judge = |origin: &Peer, token: &str| rules.judge(origin, &headers(&[(AUTHORIZATION, token)]));
    let caller = judge(&origin, "Bearer secret").unwrap();
    assert_eq!((caller.who.as_str(), caller.from.as_str()), ("token", "192.0.2.1:5000"));
    for wrong in ["Bearer secre", "Bearer ", "Bearer secret2"] {
        assert_eq!(judge(&origin, wrong), Err(Denied::Token), "{wrong}");
    }
    let nothing = rules.judge(&origin, &HeaderMap::new()).unwrap_err();
    assert!(nothing.needs_credentials() && nothing.to_string().contains("Authorization"));
    let Peer::Tcp { peer, local, .. } = origin else { unreachable!() };
    let shown = Peer::Tcp { peer, local, certificate: Some(b"der".to_vec()) };
    assert!(rules.judge(&shown, &HeaderMap::new()).unwrap().who.starts_with("certificate "));
}

#[test]
fn an_empty_or_missing_token_file_lets_nobody_in() {
    let empty = token_file(" \n");
    let origin = tcp("192.0.2.1:5000", "192.0.2.2:9999");
    for path in [empty.path().to_owned(), PathBuf::from("/nowhere/token")] {
        let rules = Rules { token_file: Some(path), ..Rules::default() };
        for token in ["Bearer ", "Bearer x"] {
            assert_eq!(rules.judge(&origin, &headers(&[(AUTHORIZATION, token)])), Err(Denied::Token));
        }
    }
}

#[test]
fn a_loopback_peer_counts_only_where_it_is_trusted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, peer) = listener.accept().unwrap();
    let origin = Peer::Tcp { peer, local: accepted.local_addr().unwrap(), certificate: None };
    let trusting = Rules { trust_peers: true, ..Rules::default() };
    let judged = trusting.judge(&origin, &HeaderMap::new());
    if nix::unistd::geteuid().is_root() {
        assert_eq!(judged.unwrap().who, "user root (uid 0)");
    } else {
        assert!(matches!(judged, Err(Denied::NoRight { .. })));
    }
    assert!(matches!(Rules::default().judge(&origin, &HeaderMap::new()), Err(Denied::Unknown { .. })));
    let gone = tcp("127.0.0.9:1", "127.0.0.1:2");
    assert!(matches!(trusting.judge(&gone, &HeaderMap::new()), Err(Denied::Unknown { .. })));
}

#[test]
fn a_token_that_every_user_can_read_is_refused_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = token_file("secret");
    let rules = Rules { token_file: Some(file.path().to_owned()), ..Rules::default() };
    rules.check().unwrap();
    let mode = |mode| std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o640);
    rules.check().unwrap();
    mode(0o644);
    let problem = rules.check().unwrap_err().to_string();
    assert!(problem.contains(&format!("`chmod o= {}`", file.path().display())), "{problem}");
    let origin = tcp("192.0.2.1:5000", "192.0.2.2:9999");
    assert_eq!(rules.judge(&origin, &headers(&[(AUTHORIZATION, "Bearer secret")])), Err(Denied::Token));
}

#[test]
fn a_certificate_is_known_by_its_subject() {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Grafana \u{1b}[31m");
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Example");
    let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    assert_eq!(who::subject(der.der()), "CN=Grafana \u{1b}[31m, O=Example");
    assert_eq!(who::subject(b"none"), "without a subject that can be read");
}
