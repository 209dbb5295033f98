//! What a browser shows that opens a rollup's URL: which rollups there are, and how to ask them.

use crate::engine::{Endpoint, Engine};

/// Returns the page.
pub(crate) fn page(engine: &Engine) -> String {
    let rows: String = engine.endpoints.iter().map(|endpoint| row(engine, endpoint)).collect();
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Weft node</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff }}
table {{ border-collapse: collapse; width: 100% }} .wide {{ overflow-x: auto }}
th, td {{ text-align: left; padding: .3rem .8rem .3rem 0; white-space: nowrap; border-bottom: 1px solid #ddd }}
code, pre {{ background: #f4f4f4; border-radius: 4px; padding: .1rem .3rem }}
pre {{ padding: .8rem; overflow-x: auto }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #181818 }} code, pre {{ background: #2a2a2a }} th, td {{ border-color: #444 }} a {{ color: #8bf }}
}}
</style>
<h1>Weft node</h1>
<p>This is where wallets and programs ask, by JSON-RPC over HTTP and WebSocket. Each rollup is a network of its own:</p>
<div class="wide"><table>
<tr><th>Chain id</th><th>Name</th><th>URL</th><th>Block</th></tr>
{rows}</table></div>
<p>Give a wallet chain id and URL, or ask by hand:</p>
<pre>curl -H 'content-type: application/json' -d \
  '{{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}}' URL</pre>
<p><code>rpc.discover</code> lists every method.
See also <a href="/healthz">health</a>, <a href="/readyz">readiness</a>, <a href="/metrics">metrics</a>.</p>
</html>
"#
    )
}

fn row(engine: &Engine, endpoint: &Endpoint) -> String {
    let Endpoint { network, chain_id, name, url, .. } = endpoint;
    let head = engine.chains.get(network).map_or(0, |chain| chain.store.head_number());
    let (name, url) = (escaped(name), escaped(url));
    format!(
        "<tr><td>{chain_id}</td><td>{name}</td><td><code>{url}</code></td><td>{head}</td></tr>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escaped("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
