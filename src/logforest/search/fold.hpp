// Case folding for search filters: F(lower(text)) == F(text) for lower() of any locale, and F works
// character by character, so that "term is part of lower(text)" implies "F(term) is part of
// F(text)". A filter of folded text may therefore rule text out, whatever the locale of the
// database is.
#pragma once

#include <string>
#include <string_view>

namespace logforest::search {

// Replaces `out`. NUL and bytes that are not UTF-8 fold as what is stored for them (io/pg_encode).
void fold(std::string_view text, std::string& out);

}  // namespace logforest::search
