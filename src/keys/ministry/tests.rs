//! What a ministry home promises.
