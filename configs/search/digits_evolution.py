# Regularised evolution on the embedded digits, under the budget of digits_random.
_base_ = './digits_random.py'
method = 'Evolution'
sampler = dict(_delete_=True, type='evolution', population=8, sample=2, identity=0.05)
