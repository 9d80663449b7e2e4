//! Users from JSON and to JSON, called from Rust: `cargo bench`.

use std::hint::black_box;

use _core::users::User;
use criterion::{Criterion, criterion_group, criterion_main};

const JSON: &str = r#"{"username":"ada","group":{"name":"analysts"},"friends":[{"username":"byron","group":null,"friends":[]}]}"#;

fn users(criterion: &mut Criterion) {
    criterion.bench_function("from_json", |bencher| {
        bencher.iter(|| serde_json::from_str::<User>(black_box(JSON)).unwrap());
    });
    let user: User = serde_json::from_str(JSON).unwrap();
    criterion.bench_function("to_json", |bencher| {
        bencher.iter(|| serde_json::to_string(black_box(&user)).unwrap());
    });
}

criterion_group!(benches, users);
criterion_main!(benches);
