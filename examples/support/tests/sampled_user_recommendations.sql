-- A sample of UserRecommendations, field by field; see macros/sample.sql.
{{ differing_fields('UserRecommendations', source('warehouse', 'sample_user_recommendations'), source('warehouse', 'user_recommendations'), {'recommended_products': source('warehouse', 'user_recommended_products')}) }}
