//! The sink against a receiver that this crate did not make.

mod conformance;
mod double;
mod frappe;
mod odoo;
mod odoo_double;
mod proxy;
mod tls;
mod wire;
