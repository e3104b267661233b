//! Odoo: the punches of a person become attendances, which have a way in and a way out.
#![expect(dead_code, reason = "the sink follows")]

mod plan;
