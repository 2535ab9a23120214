# RobustDARTS' space S4 (Zela et al., ICLR 2020, section 3): a convolution or standard normal noise.
operations = ['sep_conv_3x3', 'noise']
