#include "logforest/normalize/secrets.hpp"

#include <algorithm>

namespace logforest::normalize {

namespace {

constexpr std::size_t kMaxSecret = 4096;  // longer quoted secrets end at the first blank
constexpr std::size_t kMaxKey = 64;

char at_or(std::string_view s, std::size_t i) noexcept { return i < s.size() ? s[i] : '\0'; }
bool upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool name_char(char c) noexcept {
  return is(c, kAlpha | kDigit) || c == '_' || c == '-' || c == '.';
}
bool blank(char c) noexcept { return c == ' ' || c == '\t'; }

bool ends_with_word(std::string_view name, std::string_view lower_suffix, bool boundary) noexcept {
  if (name.size() < lower_suffix.size()) return false;
  const std::size_t start = name.size() - lower_suffix.size();
  for (std::size_t i = 0; i < lower_suffix.size(); ++i) {
    char c = lower(name[start + i]);
    if (c == '-' || c == ' ' || c == '.') c = '_';
    if (c != lower_suffix[i]) return false;
  }
  if (!boundary || start == 0) return true;
  // A new word: after a sign, or camelCase.
  return !is(name[start - 1], kAlpha) || (upper(name[start]) && !upper(name[start - 1]));
}

// Both spellings: access_key and accesskey.
bool ends_with_key(std::string_view name) noexcept {
  static constexpr std::string_view keys[] = {
      "api_key",    "secret_key",     "access_key", "private_key", "account_key",   "signing_key",
      "auth_key",   "encryption_key", "master_key", "apikey",      "secretkey",     "accesskey",
      "privatekey", "accountkey",     "signingkey", "authkey",     "encryptionkey", "masterkey"};
  return std::any_of(std::begin(keys), std::end(keys),
                     [name](std::string_view key) { return ends_with_word(name, key, true); });
}

// Quoted values of secrets: `at` is the opening quote.
std::size_t secret_quote_end(std::string_view s, std::size_t at) noexcept {
  s = s.substr(0, at + kMaxSecret);
  if (s[at] == '"') return match_quote(s, at);
  std::size_t i = at + 1;
  while (i < s.size() && s[i] != '\'' && s[i] != '\n') i += s[i] == '\\' ? 2 : 1;
  return i < s.size() && s[i] == '\'' ? i : kNone;
}

// Another pair begins at `at`: name=, "name":, and with blanks User Id=
bool pair_begins(std::string_view s, std::size_t at, bool blanks) noexcept {
  constexpr std::size_t longest = 40;
  s = s.substr(0, at + longest);
  std::size_t i = at;
  if (at_or(s, i) == '"' || at_or(s, i) == '\'') ++i;
  const std::size_t name = i;
  while (i < s.size() &&
         (name_char(s[i]) || (blanks && s[i] == ' ' && i > name && s[i - 1] != ' ')))
    ++i;
  if (i == name) return false;
  if (at_or(s, i) == '"' || at_or(s, i) == '\'') ++i;
  return at_or(s, i) == '=' || at_or(s, i) == ':';
}

// Unquoted values: commas, semicolons and ampersands end them only before a blank, a quote, a
// bracket or another pair, so that all of password=a,b is found.
std::size_t unquoted_end(std::string_view s, std::size_t at) noexcept {
  std::size_t end = value_end(s, at, true);
  while (end - at < kMaxSecret) {
    const char c = at_or(s, end);
    if ((c != ',' && c != ';' && c != '&') || !is(at_or(s, end + 1), kWord) ||
        pair_begins(s, end + 1, c == ';'))
      break;
    end = value_end(s, end + 1, true);
  }
  return end;
}

bool same_word(std::string_view word, std::string_view lower_word) noexcept {
  return word.size() == lower_word.size() &&
         std::equal(word.begin(), word.end(), lower_word.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

// Schemes of the IANA registry (RFC 9110) and of large services.
bool is_scheme(std::string_view word) noexcept {
  static constexpr std::string_view schemes[] = {
      "basic",     "bearer",        "concealed", "digest",      "dpop",
      "gnap",      "hoba",          "mutual",    "negotiate",   "oauth",
      "vapid",     "privatetoken",  "ntlm",      "scram-sha-1", "scram-sha-256",
      "hawk",      "token",         "apikey",    "aws",         "aws4-hmac-sha256",
      "sharedkey", "sharedkeylite", "ssws",      "splunk",      "googlelogin",
      "jwt",       "signature",     "key"};
  return std::any_of(std::begin(schemes), std::end(schemes),
                     [word](std::string_view scheme) { return same_word(word, scheme); });
}

// name="value", name=value, ...: where the list ends, or `at`.
std::size_t parameters_end(std::string_view s, std::size_t at) noexcept {
  std::size_t end = at;
  std::size_t i = at;
  while (i - at < kMaxSecret) {
    const std::size_t name = i;
    while (i < s.size() && name_char(s[i])) ++i;
    if (i == name || at_or(s, i) != '=') break;
    ++i;
    const std::size_t quote = at_or(s, i) == '\\' ? i + 1 : i;
    if (at_or(s, quote) == '"') {
      const std::size_t close = match_quote(s.substr(0, quote + kMaxSecret), quote);
      if (close == kNone) return value_end(s, quote + 1, true);
      i = close + 1;
    } else {
      while (i < s.size() && !is(s[i], kSpace) && s[i] != ',' && s[i] != '"' && s[i] != '\'' &&
             s[i] != '\\')
        ++i;
    }
    end = i;
    if (at_or(s, i) != ',') break;
    ++i;
    while (i < s.size() && blank(s[i])) ++i;
  }
  return end;
}

// name=value; name=value: where the list ends, or `at` if there is no pair.
std::size_t cookies_end(std::string_view s, std::size_t at, bool all) noexcept {
  std::size_t end = at;
  std::size_t i = at;
  while (i - at < kMaxSecret) {
    const std::size_t name = i;
    while (i < s.size() && is(s[i], kWord) && s[i] != '\\') ++i;
    if (i == name || at_or(s, i) != '=') break;
    while (i < s.size() && !is(s[i], kSpace) && s[i] != ';' && s[i] != '"' && s[i] != '\'' &&
           s[i] != '\\' && s[i] != '<' && s[i] != '>')
      ++i;
    end = i;
    if (!all || at_or(s, i) != ';') break;
    ++i;
    while (i < s.size() && blank(s[i])) ++i;
  }
  return end;
}

std::size_t session_end(std::string_view s, std::size_t at) noexcept {
  while (at < s.size() && (name_char(s[at]) || s[at] == '!' || s[at] == '%')) ++at;
  return at;
}

// Where the unquoted value that begins at `v.begin` ends; moves the begin behind a scheme.
void find_end(std::string_view s, SecretName name, SecretValue& v) noexcept {
  if (name == SecretName::Cookie || name == SecretName::SetCookie) {
    v.end = cookies_end(s, v.begin, name == SecretName::Cookie);
    return;
  }
  if (name == SecretName::Session) {
    v.end = session_end(s, v.begin);
    return;
  }
  v.end = value_end(s, v.begin, true);
  if (at_or(s, v.end) == ' ' && is_scheme(s.substr(v.begin, v.end - v.begin))) {
    v.begin = v.end + 1;
    v.end = name == SecretName::Authorization ? parameters_end(s, v.begin) : v.begin;
    if (v.end > v.begin) return;
  }
  v.end = unquoted_end(s, v.begin);
}

}  // namespace

SecretName secret_name(std::string_view name) noexcept {
  if (name.size() < 3) return SecretName::None;
  const auto any = [name](SecretName found, auto... words) {
    return (ends_with_word(name, words, false) || ...) ? found : SecretName::None;
  };
  switch (lower(name.back())) {
    case 'd':
      if (ends_with_word(name, "pwd", true)) return SecretName::Password;
      if (ends_with_word(name, "sid", false) || ends_with_word(name, "sessid", false) ||
          ends_with_word(name, "sessionid", false)) {
        return any(SecretName::Session, "jsessionid", "phpsessid", "asp_net_sessionid",
                   "connect_sid");
      }
      return any(SecretName::Password, "password", "passwd");
    case 's':
      if (ends_with_word(name, "pass", true)) return SecretName::Password;
      if (ends_with_word(name, "cookies", true)) return SecretName::Cookie;
      return any(SecretName::Password, "credentials");
    case 'e':
      if (ends_with_word(name, "set_cookie", true)) return SecretName::SetCookie;
      if (ends_with_word(name, "cookie", true)) return SecretName::Cookie;
      if (ends_with_word(name, "amz_signature", true) ||
          ends_with_word(name, "goog_signature", true) ||
          ends_with_word(name, "secret_key_base", true))
        return SecretName::Token;
      return any(SecretName::Password, "passphrase", "passcode");
    case 'l':
      return any(SecretName::Password, "credential");
    case 't':
      return ends_with_word(name, "secret", true) ? SecretName::Password : SecretName::None;
    case 'n':
      if (ends_with_word(name, "token", true)) return SecretName::Token;
      return any(SecretName::Authorization, "authorization");
    case 'y':
      return ends_with_word(name, "key", false) && ends_with_key(name) ? SecretName::Token
                                                                       : SecretName::None;
    default:
      return SecretName::None;
  }
}

SecretValue match_secret(std::string_view s, std::size_t separator) noexcept {
  std::size_t end = separator;
  while (end > 0 && s[end - 1] == ' ' && separator - end < 2) --end;
  if (end > 0 && (s[end - 1] == '"' || s[end - 1] == '\'')) {
    --end;
    if (end > 0 && s[end - 1] == '\\') --end;
  }
  std::size_t begin = end;
  while (begin > 0 && end - begin < kMaxKey && name_char(s[begin - 1])) --begin;
  const SecretName name = secret_name(s.substr(begin, end - begin));
  if (name == SecretName::None) return {};
  SecretValue v;
  v.token = name != SecretName::Password;
  std::size_t i = separator + 1;
  if (s[separator] == ':' && at_or(s, i) == '=') ++i;  // :=
  if (s[separator] == '=' && at_or(s, i) == '>') ++i;  // =>
  while (i < s.size() && blank(s[i])) ++i;
  if (i >= s.size()) return {};
  const std::size_t quote = s[i] == '\\' ? i + 1 : i;
  if (at_or(s, quote) == '"' || (quote == i && s[i] == '\'')) {
    const std::size_t close = secret_quote_end(s, quote);
    v.begin = quote + 1;
    if (close == kNone) {
      v.end = unquoted_end(s, v.begin);
    } else {
      v.end = quote != i ? close - 1 : close;
      v.next = close + 1;
    }
  } else {
    v.begin = i;
    find_end(s, name, v);
  }
  // Escaped text: the backslash belongs to the quote behind the value.
  if (v.next == 0 && at_or(s, v.end) == '"' && v.end > v.begin && s[v.end - 1] == '\\') --v.end;
  if (v.end <= v.begin) return {};
  if (v.next == 0) v.next = v.end;
  return v;
}

SecretValue match_secret_flag(std::string_view s, std::size_t at) noexcept {
  std::size_t i = at;
  while (at_or(s, i) == '-') ++i;
  const std::size_t name = i;
  while (i < s.size() && i - name < kMaxKey && name_char(s[i])) ++i;
  const SecretName kind = secret_name(s.substr(name, i - name));
  if ((kind != SecretName::Password && kind != SecretName::Token) || at_or(s, i) != ' ' ||
      at_or(s, i + 1) == '-')
    return {};
  SecretValue v;
  v.token = kind == SecretName::Token;
  v.begin = i + 1;
  const char quote = at_or(s, v.begin);
  const std::size_t close = quote == '"' || quote == '\'' ? secret_quote_end(s, v.begin) : kNone;
  if (close != kNone) {
    ++v.begin;
    v.end = close;
    v.next = close + 1;
  } else {
    v.end = v.next = unquoted_end(s, v.begin);
  }
  return v.end > v.begin ? v : SecretValue{};
}

bool is_key_line(std::string_view text) noexcept {
  if (text.size() < 24 || text.size() > 76) return false;
  std::size_t end = text.size();
  while (end > text.size() - 2 && text[end - 1] == '=') --end;
  const bool whole = text.size() == 64 || text.size() == 70 || text.size() == 76;
  if (!whole && end == text.size()) return false;
  bool upper = false;
  bool lower = false;
  bool digit = false;
  for (const char c : text.substr(0, end)) {
    upper |= c >= 'A' && c <= 'Z';
    lower |= c >= 'a' && c <= 'z';
    digit |= is(c, kDigit);
    if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !is(c, kDigit) && c != '+' &&
        c != '/')
      return false;
  }
  return upper && lower && digit;
}

bool is_base64(std::string_view text) noexcept {
  std::size_t end = text.size();
  while (end > 0 && text.size() - end < 2 && text[end - 1] == '=') --end;
  return end > 0 &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is(c, kDigit) || c == '+' ||
                  c == '/';
         });
}

bool opens_private_key(std::string_view text) noexcept {
  return text.starts_with("-----BEGIN ") && text.ends_with("PRIVATE KEY-----");
}

bool closes_private_key(std::string_view text) noexcept {
  return text.starts_with("-----END ") && text.ends_with("PRIVATE KEY-----");
}

std::size_t match_private_key(std::string_view s, std::size_t at) noexcept {
  constexpr std::string_view header = "PRIVATE KEY-----";
  constexpr std::size_t most_breaks = 8;  // line ends, also as \r\n in text that is escaped
  std::size_t before = at;
  while (before > 0 && at - before < most_breaks) {
    if (is(s[before - 1], kSpace)) {
      --before;
    } else if (before > 1 && s[before - 2] == '\\' &&
               (s[before - 1] == 'n' || s[before - 1] == 'r')) {
      before -= 2;
    } else {
      break;
    }
  }
  if (before == at || !s.substr(0, before).ends_with(header)) return kNone;
  std::size_t end = std::min(s.find("-----END", at), s.size());
  while (end > at) {
    if (is(s[end - 1], kSpace)) {
      --end;
    } else if (end > at + 1 && s[end - 2] == '\\' && (s[end - 1] == 'n' || s[end - 1] == 'r')) {
      end -= 2;
    } else {
      break;
    }
  }
  return end > at ? end : kNone;
}

}  // namespace logforest::normalize
