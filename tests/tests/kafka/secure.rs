//! TLS and logins: a wrong authority and a wrong password are said, mended, and the password is in no log.

use std::fs;

use gopher_tests::agent::{Agent, Home};
use gopher_tests::kafka::{Kafka, PASSWORD, USER};

use crate::messages::{assert_whole, counts, section, until_counts};

#[test]
fn tls_and_a_login_protect_the_connection() {
    let broker = Kafka::start();
    let home = Home::new();
    home.fake("one", &["--rows", "1000"]);
    let (ca, password) = (broker.path().join("ca.crt"), home.path().join("password"));
    let lines = |more: &str| {
        let login = format!("sasl_username = {USER:?}\nsasl_password_file = {:?}", password.display());
        section(&broker.secure(), &format!("security = \"sasl_ssl\"\n{login}\n{more}\n"))
    };
    let authority = format!("ca_file = {:?}\n", ca.display());
    fs::write(&password, "wrong-secret\n").unwrap();
    home.configure(&lines(""));
    let agent = Agent::start(home);
    agent.says("certificate");

    agent.home.configure(&lines(&authority));
    agent.says("SASL authentication error");
    assert_eq!(agent.said("SASL authentication error").len(), 1, "{}", agent.log());
    assert_eq!(counts(&agent).sent, 0);

    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    until_counts(&agent, "all rows", |counts| counts.sent >= 1001);
    assert_whole(&broker.read_secure("gala_gopher", 1000, 20_000), 1000);
    assert!(!agent.log().contains("-secret"), "{}", agent.log());

    agent.home.configure(&lines(&format!("{authority}sasl_mechanism = \"PLAIN\"")));
    agent.home.fake("two", &["--rows", "1000"]);
    until_counts(&agent, "all rows of the other", |counts| counts.sent >= 2002);
    assert_eq!((counts(&agent).failed, counts(&agent).dropped), (0, 0));
    assert!(!agent.log().contains("-secret"), "{}", agent.log());
}
