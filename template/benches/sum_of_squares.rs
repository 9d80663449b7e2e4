//! The function, called from Rust: `cargo bench`.

use std::hint::black_box;

use _core::sum_of_squares;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn numbers(criterion: &mut Criterion) {
    criterion.bench_function("sum_of_squares", |bencher| {
        bencher.iter_batched(
            || black_box(vec![1.5; 1000]),
            sum_of_squares,
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, numbers);
criterion_main!(benches);
