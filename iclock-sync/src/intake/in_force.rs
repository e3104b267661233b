//! The rules in force.

use std::sync::{Arc, PoisonError, RwLock};

use attendance_model::Rules;

/// The rules that are in force now, for all who judge by them.
#[derive(Clone, Debug)]
pub(crate) struct InForce(Arc<RwLock<Arc<Rules>>>);

impl InForce {
    pub(crate) fn new(rules: Rules) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rules))))
    }

    pub(super) fn now(&self) -> Arc<Rules> {
        // Nothing can panic while the lock is held.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}
