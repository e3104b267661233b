//! A browser without a screen: it keeps the cookies, follows nothing by itself, and fills in forms.

use chrono::Utc;
use iclock_server::access::Role;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, redirect};
use tokio::time::timeout;

use crate::common::{AT_MOST, Scene};

/// A password that nobody has to remember.
pub(crate) const PASSWORD: &str = "twelve letters and more";

pub(crate) struct Browser {
    client: Client,
    base: String,
    /// The cookies as they are sent.
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// An answer, with the page that it has.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Shown {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it leads to; nothing if it leads nowhere.
    pub(crate) fn leads_to(&self) -> &str {
        if self.status == 303 { self.header(LOCATION.as_str()) } else { "" }
    }

    /// The content of an attribute of the element that a text begins.
    pub(crate) fn value(&self, before: &str) -> &str {
        self.text.split_once(before).and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
    }
}

impl Browser {
    pub(crate) fn of(scene: &Scene) -> Self {
        Self::at(scene.url(""))
    }

    pub(crate) fn at(base: String) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, base, cookie: String::new(), csrf: String::new() }
    }

    /// Gives an account a password, and logs in with it.
    pub(crate) async fn logged_in(scene: &Scene, name: &str, role: Role) -> Self {
        scene.access.set_account(name, role, PASSWORD, Utc::now()).unwrap();
        let mut browser = Self::of(scene);
        let shown = browser.log_in(name, PASSWORD).await;
        assert_eq!((shown.status, shown.leads_to()), (303, "/"), "{shown:?}");
        browser.open("/").await;
        browser
    }

    /// The request of a page or of its script, which is not sent yet.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).header(COOKIE, &self.cookie)
    }

    /// Opens a page.
    pub(crate) async fn open(&mut self, path: &str) -> Shown {
        let request = self.request(Method::GET, path).header("accept", "text/html");
        let shown = self.send(request).await;
        let csrf = shown.value("name=\"csrf\" content=\"");
        if !csrf.is_empty() {
            csrf.clone_into(&mut self.csrf);
        }
        shown
    }

    pub(crate) async fn log_in(&mut self, name: &str, password: &str) -> Shown {
        self.submit("/login", &[("name", name), ("password", password)]).await
    }

    /// Sends a form.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let request = self.form(path, fields);
        self.send(request).await
    }

    /// A form that is not sent yet.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.request(Method::POST, path).header("accept", "text/html").body(body);
        request.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Gives an order, as a button does.
    pub(crate) async fn order(&mut self, path: &str) -> Shown {
        let request = self.request(Method::POST, path).header("x-csrf-token", &self.csrf);
        self.send(request).await
    }

    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Shown {
        let response = timeout(AT_MOST, request.send()).await.expect("it answers").unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            cookie.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        Shown { status, headers, text: response.text().await.unwrap() }
    }
}
