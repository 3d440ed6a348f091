//! How the page looks.

use maud::PreEscaped;

/// Fonts of the system, and colours for light and dark.
pub(super) const CSS: PreEscaped<&str> = PreEscaped(
    "
:root { color-scheme: light dark; --line: #d5d9e0; --soft: #f3f5f8; --dim: #5b6472; --link: #1f5fbf }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a414d; --soft: #20252d; --dim: #a2acba; --link: #8ab4ff }
  body { background: #15191f; color: #e6e9ee }
}
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.8rem; margin: 0 } h2 { font-size: 1.3rem; margin: 0 } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
p { margin: .4rem 0 } ul { margin: .3rem 0; padding-left: 1.2rem }
a { color: var(--link) } code, pre { font: .9em ui-monospace, monospace; overflow-wrap: anywhere } td code { white-space: nowrap }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1rem }
article { margin-top: 1.2rem } .version, .facts, .server { color: var(--dim); font-weight: normal } .facts { font-size: .9rem }
.badge { background: var(--soft); border: 1px solid var(--line); border-radius: 1rem; font-size: .8rem; padding: .1rem .6rem; white-space: nowrap }
.scroll { overflow-x: auto; margin: .6rem 0 }
table { border-collapse: collapse; width: 100% } th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top }
th { color: var(--dim); font-size: .8rem; font-weight: 600 }
dl { display: grid; gap: .2rem 1rem; grid-template-columns: max-content 1fr; margin: .6rem 0 } dt { color: var(--dim) } dd { margin: 0 }
pre { background: var(--soft); border-radius: .4rem; margin: .5rem 0; overflow-x: auto; padding: .8rem } summary { cursor: pointer }
.variant { border-left: 3px solid var(--line); margin: .5rem 0; padding-left: .8rem }
",
);
