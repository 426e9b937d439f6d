//! Which steps come before which.

use std::collections::HashMap;

/// A list of steps by index: the steps that each needs.
pub(super) struct Ancestry {
    needs: Vec<Vec<usize>>,
    /// Every step after all that it needs; `None` if steps need each other in a circle.
    order: Option<Vec<usize>>,
}

/// How many steps are asked about at once: enough that the list is gone through seldom, few enough that the marks of
/// all steps stay small.
const BLOCK: usize = 1024;
type Marks = [u64; BLOCK / 64];

impl Ancestry {
    pub(super) fn of(needs: Vec<Vec<usize>>) -> Self {
        let order = order(&needs);
        Self { needs, order }
    }

    pub(super) fn is_acyclic(&self) -> bool {
        self.order.is_some()
    }

    /// Circles: steps of which each needs the next, and the last the first. At least one of each knot of steps, up to
    /// a number that nobody wants to exceed.
    pub(super) fn circles(&self) -> Vec<Vec<usize>> {
        const MOST: usize = 20;
        let mut circles = Vec::new();
        if self.order.is_some() {
            return circles;
        }
        let mut visit = vec![Visit::None; self.needs.len()];
        for start in 0..self.needs.len() {
            // The way from `start`, each step with how many of its needs were followed.
            let mut way: Vec<(usize, usize)> = Vec::new();
            let mut next = (visit[start] == Visit::None).then_some(start);
            loop {
                if let Some(step) = next.take() {
                    visit[step] = Visit::OnTheWay;
                    way.push((step, 0));
                }
                let Some((step, followed)) = way.last_mut() else { break };
                let Some(&needed) = self.needs[*step].get(*followed) else {
                    visit[*step] = Visit::Done;
                    way.pop();
                    continue;
                };
                *followed += 1;
                match visit[needed] {
                    Visit::None => next = Some(needed),
                    Visit::OnTheWay => {
                        let circle = way.iter().map(|(step, _)| *step).skip_while(|step| *step != needed).collect();
                        circles.push(circle);
                        if circles.len() == MOST {
                            return circles;
                        }
                    }
                    Visit::Done => {}
                }
            }
        }
        circles
    }

    /// Those of the questions `(step, other)` whose `other` does not come before `step`; none if there is a circle.
    pub(super) fn not_before(&self, questions: &[(usize, usize)]) -> Vec<usize> {
        let Some(order) = &self.order else { return Vec::new() };
        let mut others: Vec<usize> = questions.iter().map(|(_, other)| *other).collect();
        others.sort_unstable();
        others.dedup();
        let mut wrong = Vec::new();
        for block in others.chunks(BLOCK) {
            let bit_of: HashMap<usize, usize> = block.iter().zip(0..).map(|(other, bit)| (*other, bit)).collect();
            let mut before: Vec<Marks> = vec![[0; BLOCK / 64]; self.needs.len()];
            for &step in order {
                let mut marks = [0; BLOCK / 64];
                for &needed in &self.needs[step] {
                    for (mark, inherited) in marks.iter_mut().zip(&before[needed]) {
                        *mark |= inherited;
                    }
                    if let Some(bit) = bit_of.get(&needed) {
                        marks[bit / 64] |= 1 << (bit % 64);
                    }
                }
                before[step] = marks;
            }
            for (index, (step, other)) in questions.iter().enumerate() {
                if let Some(bit) = bit_of.get(other)
                    && before[*step][bit / 64] & (1 << (bit % 64)) == 0
                {
                    wrong.push(index);
                }
            }
        }
        wrong
    }
}

/// Whether a step was met on the way along needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    None,
    OnTheWay,
    Done,
}

/// Takes steps whose needs are all taken, until none is left or all that are left wait for each other.
fn take(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (step, needs) in needs.iter().enumerate() {
        for &needed in needs {
            dependents[needed].push(step);
        }
    }
    let mut taken: Vec<usize> = (0..needs.len()).filter(|step| missing[*step] == 0).collect();
    let mut next = 0;
    while next < taken.len() {
        for &dependent in &dependents[taken[next]] {
            missing[dependent] -= 1;
            if missing[dependent] == 0 {
                taken.push(dependent);
            }
        }
        next += 1;
    }
    taken
}

fn order(needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    Some(take(needs)).filter(|taken| taken.len() == needs.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_once_each() {
        let needs = vec![vec![1], vec![2], vec![0], vec![2], vec![3, 5], vec![4], vec![6], vec![], vec![7]];
        assert_eq!(Ancestry::of(needs).circles(), [vec![0, 1, 2], vec![4, 5], vec![6]]);
    }

    #[test]
    fn a_step_comes_after_all_that_it_needs_however_far() {
        let length = 5_000;
        let needs = (0..length).map(|step: usize| step.checked_sub(1).into_iter().collect()).collect();
        let ancestry = Ancestry::of(needs);
        let questions: Vec<_> =
            (1..length).map(|step| (step, 0)).chain((1..length).map(|step| (length - 1, step - 1))).collect();
        assert!(ancestry.not_before(&questions).is_empty());
        assert_eq!(ancestry.not_before(&[(3, 4), (4, 3), (2, 2)]), [0, 2]);
    }
}
