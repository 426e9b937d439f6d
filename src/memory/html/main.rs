//! What a page is about, without what is around it on every page: navigation, banners, footers.

use std::rc::Rc;

use html2text::{Element, Handle, RcDom};

/// Elements that lead elsewhere or hold no text of the page.
const AROUND: [&str; 6] = ["nav", "aside", "script", "style", "template", "noscript"];
/// Those that are around the page if they are not a part of its main text.
const AROUND_THE_WHOLE: [&str; 2] = ["header", "footer"];
/// What a page says of such parts by `role`.
const ROLES_AROUND: [&str; 4] = ["navigation", "banner", "contentinfo", "search"];
/// Within these, headers and footers belong to the text.
const TEXTS: [&str; 3] = ["main", "article", "section"];
/// Takes out of a page what is around its texts.
pub(super) fn without_around(page: &RcDom) {
    for (parent, node) in parts(&page.document, is_around) {
        parent.children.borrow_mut().retain(|child| !Rc::ptr_eq(child, &node));
    }
}

/// Leaves of a page its main text alone; false if it has none, or several.
pub(super) fn main_alone(page: &RcDom) -> bool {
    let mains = parts(&page.document, |node, _| is_main(node));
    let body = parts(&page.document, |node, _| name(node) == Some("body")).pop();
    let ([(_, main)], Some((_, body))) = (mains.as_slice(), body) else { return false };
    *body.children.borrow_mut() = vec![main.clone()];
    true
}

fn is_around(node: &Handle, outside: bool) -> bool {
    let Some(name) = name(node) else { return false };
    AROUND.contains(&name)
        || outside && AROUND_THE_WHOLE.contains(&name)
        || ROLES_AROUND.iter().any(|role| has_role(node, role))
}

fn is_main(node: &Handle) -> bool {
    name(node) == Some("main") || has_role(node, "main")
}

fn name(node: &Handle) -> Option<&str> {
    if let Element { name, .. } = &node.data { Some(&name.local) } else { None }
}

fn has_role(node: &Handle, role: &str) -> bool {
    let Element { attrs, .. } = &node.data else { return false };
    attrs.borrow().iter().any(|attribute| &*attribute.name.local == "role" && attribute.value.trim() == role)
}

/// The topmost elements of which `is` is true, each with its parent. It is told whether they stand outside of every text.
fn parts(root: &Handle, is: impl Fn(&Handle, bool) -> bool) -> Vec<(Handle, Handle)> {
    let mut found = Vec::new();
    // Pages nest deeper than a stack reaches.
    let mut open = vec![(root.clone(), true)];
    while let Some((node, outside)) = open.pop() {
        for child in node.children.borrow().iter() {
            if is(child, outside) {
                found.push((node.clone(), child.clone()));
            } else {
                let within_text = name(child).is_some_and(|name| TEXTS.contains(&name)) || is_main(child);
                open.push((child.clone(), outside && !within_text));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::text;

    #[test]
    fn what_is_around_the_text_is_left_out() {
        let page = "<body><header>Shop banner</header><nav>Home Prices</nav><div role=navigation>Breadcrumb</div>\
            <main><article><header><h1>Otters</h1></header><p>They swim in the river and eat fish all day long.</p>\
            <footer>By a heron</footer></article></main><aside>Read also</aside><footer>Imprint</footer></body>";
        let text = text(page).unwrap();
        for kept in ["# Otters", "They swim", "By a heron"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        for left_out in ["banner", "Prices", "Breadcrumb", "Read also", "Imprint"] {
            assert!(!text.contains(left_out), "{left_out}: {text}");
        }
    }

    #[test]
    fn a_page_that_marks_nothing_or_all_or_too_little_is_kept() {
        for (page, kept) in [
            ("<p>Only a paragraph.</p>", "Only a paragraph."),
            ("<body><nav>Nothing but this.</nav></body>", "Nothing but this."),
            (
                "<body><main>Hi</main><div>The text itself, which is long and stands outside.</div></body>",
                "stands outside",
            ),
        ] {
            assert!(text(page).unwrap().contains(kept), "{page}");
        }
        let deep = format!("{}deep{}", "<div>".repeat(3_000), "</div>".repeat(3_000));
        drop(text(&deep));
    }
}
