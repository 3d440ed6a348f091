//! Servers that ask who one is, and that encrypt: the same work goes through all of them, also after they
//! were away; and who is not let in is told so.
#![cfg(all(feature = "tls", feature = "credentials"))]
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use memq::Topic;
use memq_nats::{Connect, ConnectError};
use memq_nats_server::{Binary, Server};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    item: String,
}

/// Runs a test for each version there is, in a folder of its own.
async fn each(test: impl AsyncFn(Binary, &Path)) {
    for binary in Binary::all_or_skip() {
        // A server that is not used: its folder goes with it.
        let home = Server::start(&binary).unwrap();
        test(binary, home.folder()).await;
    }
}

fn start(binary: &Binary, configuration: &str) -> Arc<Server> {
    Arc::new(Server::with(binary, configuration).unwrap())
}

/// Publishes, reads and shares through all connections that there are, before and after the server was
/// away.
async fn works(server: &Arc<Server>, connect: Connect) {
    let broker = connect.await.unwrap();
    let publisher = broker.publisher::<Order>().await.unwrap();
    let mut reader = broker.subscriber::<Order>().await.unwrap();
    let mut member = broker.subscriber::<Order>().group("billing").await.unwrap();
    for item in ["tea", "milk"] {
        publisher.publish(Order { item: item.to_owned() }).await.unwrap();
        assert_eq!(reader.recv().await.unwrap().item, item);
        let mut shared = None;
        // An older server may have forgotten where the group was.
        while shared.as_deref() != Some(item) {
            let delivery = member.recv().await.unwrap();
            shared = Some(delivery.item.clone());
            delivery.ack_confirmed().await.unwrap();
        }
        let away = server.clone();
        tokio::task::spawn_blocking(move || {
            away.stop().unwrap();
            away.restart().unwrap();
        })
        .await
        .unwrap();
    }
}

async fn is_refused(connect: Connect) {
    let refused = connect.await.unwrap_err();
    assert!(matches!(refused, ConnectError::Unreachable { .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_a_token_are_let_in_and_nobody_else() {
    each(async |binary, _| {
        let server = start(&binary, "authorization { user: shop, password: secret }");
        works(&server, Connect::new(server.url()).user("shop", "secret")).await;
        is_refused(Connect::new(server.url())).await;
        is_refused(Connect::new(server.url()).user("shop", "wrong")).await;
        is_refused(Connect::new(server.url()).token("secret")).await;
        let written = server.url().replace("nats://", "nats://shop:secret@");
        works(&server, Connect::new(written)).await;

        let server = start(&binary, "authorization { token: secret }");
        works(&server, Connect::new(server.url()).token("secret")).await;
        is_refused(Connect::new(server.url()).token("wrong")).await;
    })
    .await;
}

/// An authority, and what it has signed, in files.
struct Certificates {
    authority: PathBuf,
    server: (PathBuf, PathBuf),
    client: (PathBuf, PathBuf),
}

impl Certificates {
    fn make(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let write = |what: &str, text: String| {
            let file = folder.join(format!("{name}-{what}.pem"));
            fs::write(&file, text).unwrap();
            file
        };
        let signed = |what: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let key = rcgen::KeyPair::generate().unwrap();
            let params = CertificateParams::new(names).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            let key = write(&format!("{what}-key"), key.serialize_pem());
            (write(what, certificate.pem()), key)
        };
        let (server, client) = (signed("server", &["127.0.0.1"]), signed("client", &["shop"]));
        Self { authority: write("authority", authority.pem()), server, client }
    }

    /// What a server is told.
    fn configuration(&self, verify: bool) -> String {
        let Self { authority, server: (certificate, key), .. } = self;
        format!(
            "tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {authority:?}, verify: {verify} }}"
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_server_is_used_by_who_trusts_it() {
    each(async |binary, folder| {
        let ours = Certificates::make(folder, "ours");
        let others = Certificates::make(folder, "others");
        let server = start(&binary, &ours.configuration(false));
        let connect = || Connect::new(server.url());
        works(&server, connect().root_certificates(&ours.authority)).await;
        let asked = server.url().replace("nats://", "tls://");
        works(&server, Connect::new(asked).root_certificates(&ours.authority)).await;
        is_refused(connect()).await;
        is_refused(connect().root_certificates(&others.authority)).await;
        // A server that does not encrypt is not talked to by who requires it.
        let open = start(&binary, "");
        let trusting = Connect::new(open.url()).root_certificates(&ours.authority);
        is_refused(trusting.require_tls()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_a_certificate_lets_in_who_has_one() {
    each(async |binary, folder| {
        let ours = Certificates::make(folder, "ours");
        let others = Certificates::make(folder, "others");
        let server = start(&binary, &ours.configuration(true));
        let connect = || Connect::new(server.url()).root_certificates(&ours.authority);
        let (certificate, key) = &ours.client;
        works(&server, connect().client_certificate(certificate, key)).await;
        is_refused(connect()).await;
        let (certificate, key) = &others.client;
        is_refused(connect().client_certificate(certificate, key)).await;
    })
    .await;
}

/// A claim that its issuer has signed, as servers read them.
fn signed(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let claims = encode(json!({
        "jti": subject.public_key(),
        "iat": 0,
        "iss": issuer.public_key(),
        "name": "memq",
        "sub": subject.public_key(),
        "nats": nats,
    }));
    let text = format!("{head}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

/// `storage` in bytes, -1 for any number; 0 for an account without JetStream.
fn account(operator: &KeyPair, account: &KeyPair, storage: i64) -> String {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1, "mem_storage": storage, "disk_storage": storage, "streams": -1,
        "consumer": -1,
    });
    signed(operator, account, json!({ "type": "account", "version": 2, "limits": limits }))
}

/// A file of credentials, as `nsc` writes them.
fn credentials(account: &KeyPair, file: PathBuf) -> PathBuf {
    let user = KeyPair::new_user();
    let nats = json!({
        "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1,
    });
    let token = signed(account, &user, nats);
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    );
    fs::write(&file, text).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_credentials_is_let_in_and_read_again() {
    each(async |binary, folder| {
        let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
        let (shop, stranger) = (KeyPair::new_account(), KeyPair::new_account());
        let operator_claim =
            signed(&operator, &operator, json!({ "type": "operator", "version": 2 }));
        let server = start(
            &binary,
            &format!(
                "operator: {operator_claim}\nsystem_account: {}\nresolver: MEMORY\n\
                 resolver_preload: {{ {}: {}, {}: {} }}",
                system.public_key(),
                system.public_key(),
                account(&operator, &system, 0),
                shop.public_key(),
                account(&operator, &shop, -1),
            ),
        );
        let file = credentials(&shop, folder.join("shop.creds"));
        works(&server, Connect::new(server.url()).credentials(&file)).await;
        is_refused(Connect::new(server.url())).await;
        let other = credentials(&stranger, folder.join("stranger.creds"));
        is_refused(Connect::new(server.url()).credentials(other)).await;
        is_refused(Connect::new(server.url()).credentials(folder.join("none.creds"))).await;
    })
    .await;
}
