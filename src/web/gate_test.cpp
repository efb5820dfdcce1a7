#include "web/gate.hpp"

#include <gtest/gtest.h>

#include "base/id.hpp"

namespace weir::web {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{std::chrono::seconds{1'780'000'000}};

class NoBody final : public net::ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
};

class GateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("gate-" + generate_run_id(system_clock().now()).text());
    store_ = *ledger::AccessStore::open(folder_);
    gate_ = std::make_unique<Gate>(*store_, clock_,
                                   Gate::Options{.host_names = {"weir.example.com"}, .hash_cost = HashCost::Quick});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  net::IncomingRequest request(std::vector<std::pair<std::string, std::string>> headers,
                               std::string address = "127.0.0.1:5000") {
    net::IncomingRequest made{.method = "POST",
                              .target = "/",
                              .path = "/",
                              .query = {},
                              .headers = {},
                              .body = body_,
                              .peer = {net::Peer::Kind::Tcp, std::move(address)},
                              .gone = {}};
    for (auto& [name, value] : headers) made.headers.add(std::move(name), std::move(value));
    return made;
  }

  void add_user(const std::string& name, ledger::Role role) {
    ASSERT_TRUE(store_
                    ->add_user({.name = name,
                                .role = role,
                                .password_hash = *gate_->hash(Secret{"correct horse"}),
                                .created_at = kNow})
                    .ok());
  }

  NoBody body_;
  FixedClock clock_{kNow};
  std::filesystem::path folder_;
  std::unique_ptr<ledger::AccessStore> store_;
  std::unique_ptr<Gate> gate_;
};

TEST_F(GateTest, AnswersOnlyUnderItsOwnNames) {
  for (const auto* host :
       {"127.0.0.1:8817", "localhost", "LOCALHOST:8817", "[::1]:8817", "10.0.0.7", "weir.example.com:443"})
    EXPECT_FALSE(gate_->check_host(request({{"Host", host}}))) << host;
  for (const auto* host :
       {"evil.example.com", "evil.example.com:8817", "127.0.0.1.evil.example.com", "localhost.evil.example.com", ""}) {
    const auto refusal = gate_->check_host(request({{"Host", host}}));
    ASSERT_TRUE(refusal) << host;
    EXPECT_EQ(refusal->status, 421);
  }
  EXPECT_TRUE(gate_->check_host(request({})));
}

TEST_F(GateTest, TakesChangesFromItsOwnPagesOnly) {
  const auto refused = [&](std::vector<std::pair<std::string, std::string>> headers) {
    headers.emplace_back("Host", "127.0.0.1:8817");
    const auto refusal = gate_->check_origin(request(std::move(headers)));
    return refusal ? refusal->status : 0;
  };
  EXPECT_EQ(refused({{"X-Weir-Request", "1"}}), 0);
  EXPECT_EQ(refused({{"X-Weir-Request", "1"}, {"Origin", "http://127.0.0.1:8817"}, {"Sec-Fetch-Site", "same-origin"}}),
            0);
  EXPECT_EQ(refused({{"Origin", "http://127.0.0.1:8817"}}), 403);
  EXPECT_EQ(refused({{"X-Weir-Request", "1"}, {"Origin", "http://evil.example.com"}}), 403);
  EXPECT_EQ(refused({{"X-Weir-Request", "1"}, {"Origin", "http://127.0.0.1:9999"}}), 403);
  EXPECT_EQ(refused({{"X-Weir-Request", "1"}, {"Origin", "null"}}), 403);
  EXPECT_EQ(refused({{"X-Weir-Request", "1"}, {"Sec-Fetch-Site", "cross-site"}}), 403);
}

TEST_F(GateTest, IsOpenToThisMachineUntilThereIsAUser) {
  const auto local = gate_->recognise(request({}));
  ASSERT_TRUE(local.ok() && local->has_value());
  EXPECT_EQ((*local)->role, ledger::Role::Admin);
  EXPECT_EQ((*local)->means, Principal::Means::Loopback);
  EXPECT_FALSE(gate_->recognise(request({}, "10.0.0.7:5000"))->has_value());
  EXPECT_FALSE(gate_->recognise(request({{"X-Forwarded-For", "203.0.113.9"}}))->has_value());
  add_user("ann", ledger::Role::Admin);
  EXPECT_FALSE(gate_->recognise(request({}))->has_value());
}

TEST_F(GateTest, SignsInWithCookiesThatPagesCannotRead) {
  add_user("ann", ledger::Role::Operator);
  auto outcome = gate_->sign_in("ann", Secret{"correct horse"}, "127.0.0.1");
  const auto* signed_in = std::get_if<Gate::SignedIn>(&outcome);
  ASSERT_NE(signed_in, nullptr);
  EXPECT_NE(signed_in->cookie.find("; HttpOnly; SameSite=Strict"), std::string::npos);
  const auto pair = signed_in->cookie.substr(0, signed_in->cookie.find(';'));
  const auto known = gate_->recognise(request({{"Cookie", "a=b; " + pair}}));
  ASSERT_TRUE(known.ok() && known->has_value());
  EXPECT_EQ((*known)->name, "ann");
  EXPECT_EQ((*known)->role, ledger::Role::Operator);
  // The store holds no more than the cookie's hash.
  EXPECT_FALSE(store_->find_session(pair.substr(pair.find('=') + 1), kNow)->has_value());
  clock_.set(kNow + 24h * 14);
  EXPECT_FALSE(gate_->recognise(request({{"Cookie", pair}}))->has_value());
  clock_.set(kNow);
  EXPECT_NE(gate_->sign_out(request({{"Cookie", pair}}))->find("Max-Age=0"), std::string::npos);
  EXPECT_FALSE(gate_->recognise(request({{"Cookie", pair}}))->has_value());
}

TEST_F(GateTest, SlowsGuessingDown) {
  add_user("ann", ledger::Role::Admin);
  const auto status = [&](const std::string& name, const std::string& password, const std::string& address) {
    auto outcome = gate_->sign_in(name, Secret{password}, address);
    const auto* refusal = std::get_if<Refusal>(&outcome);
    return refusal == nullptr ? 200 : refusal->status;
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status("ann", "wrong guess", "10.0.0.7"), 401);
  EXPECT_EQ(status("ann", "correct horse", "10.0.0.7"), 429);
  EXPECT_EQ(status("ann", "correct horse", "10.0.0.8"), 429);
  EXPECT_EQ(status("nobody", "wrong guess", "10.0.0.8"), 401);
  clock_.set(kNow + 2s);
  EXPECT_EQ(status("ann", "correct horse", "10.0.0.8"), 200);
  EXPECT_EQ(status("ann", "wrong guess", "10.0.0.8"), 401);
}

TEST_F(GateTest, LimitsAnAddressThatTriesManyNames) {
  for (int i = 0; i < 20; ++i) (void)gate_->sign_in("user" + std::to_string(i), Secret{"wrong guess"}, "10.0.0.7");
  const auto outcome = gate_->sign_in("another", Secret{"wrong guess"}, "10.0.0.7");
  ASSERT_TRUE(std::holds_alternative<Refusal>(outcome));
  EXPECT_EQ(std::get<Refusal>(outcome).status, 429);
  EXPECT_TRUE(std::get<Refusal>(outcome).retry_after);
}

TEST_F(GateTest, KnowsTokensByTheirHashes) {
  add_user("ann", ledger::Role::Admin);
  ASSERT_TRUE(store_
                  ->add_token({.id = "t",
                               .name = "ci",
                               .user = "ann",
                               .role = ledger::Role::Viewer,
                               .hash = hash_token("weir_abc"),
                               .created_at = kNow})
                  .ok());
  const auto known = gate_->recognise(request({{"Authorization", "Bearer weir_abc"}}, "10.0.0.7:1"));
  ASSERT_TRUE(known.ok() && known->has_value());
  EXPECT_EQ((*known)->name, "ann");
  EXPECT_EQ((*known)->role, ledger::Role::Viewer);
  EXPECT_EQ((*known)->means, Principal::Means::Token);
  EXPECT_FALSE(gate_->recognise(request({{"Authorization", "Bearer weir_abd"}}))->has_value());
}

TEST(Password, IsArgon2idAndSaysNothing) {
  const auto hash = hash_password(Secret{"correct horse"});
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << *hash;
  EXPECT_NE(*hash, *hash_password(Secret{"correct horse"}));
  EXPECT_TRUE(verify_password(*hash, Secret{"correct horse"}));
  EXPECT_FALSE(verify_password(*hash, Secret{"correct house"}));
  EXPECT_FALSE(verify_password("", Secret{""}));
  EXPECT_EQ(hash_password(Secret{"short"}).error().code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace weir::web
